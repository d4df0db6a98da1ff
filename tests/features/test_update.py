"""A set brought up to date: what changed is encoded, the rest copied bit by bit, and the whole is as if made anew."""

import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurizer.errors import InputError
from featurizer.features.extract import ExtractOptions, extract
from featurizer.features.feature_set import FeatureSet
from featurizer.features.inputs import FILE, read_inputs
from featurizer.features.verify import verify
from featurizer.records import ImageRef, ItemRecord
from featurizer.results import exchange as exchange_module
from featurizer.results import replacing
from featurizer.results.exchange import exchange, restore
from featurizer.results.state import FOLDER
from tests.features.test_extract import png
from tests.support.color import encoders
from tests.support.items import make_catalog

OPTIONS = ExtractOptions(batch_size=4, shard_rows=9, threads=1)


@dataclass
class Counted:
    """An encoder that counts the items that it encodes."""

    inner: object
    encoded: int = field(default=0)

    @property
    def spec(self):
        return self.inner.spec

    def prepare(self, value):
        return self.inner.prepare(value)

    def encode(self, prepared):
        self.encoded += len(prepared)
        return self.inner.encode(prepared)


def both():
    return [Counted(one) for one in encoders()]


def items(count, start=0):
    return [
        ItemRecord(
            f"i{n}",
            title=None if n % 5 == 4 else f"cup number {n}",
            image=ImageRef() if n % 7 == 6 else ImageRef(data=b"junk" if n % 11 == 10 else png(n)),
        )
        for n in range(start, start + count)
    ]


def catalog(tmp_path, records, name="c"):
    shutil.rmtree(tmp_path / name, ignore_errors=True)
    return make_catalog(tmp_path / name, records)


def edited(records):
    """Five titles and two pictures changed, three items more, two gone."""
    new = list(records)
    for at in (0, 3, 8, 12, 20):
        new[at] = replace(new[at], title=f"another title {at}")
    for at in (5, 15):
        new[at] = replace(new[at], image=ImageRef(data=png(1000 + at)))
    del new[30], new[2]
    return [*new[:7], *items(1, 500), *new[7:], *items(2, 602)]


def assert_equal(one, other):
    columns = ["item_id", "has_image", "has_text", "error"]
    for mine, theirs in zip(one.tables(columns), other.tables(columns), strict=True):
        assert mine.to_pylist() == theirs.to_pylist()
    for space in one.spaces:
        for mine, theirs in zip(one.vectors(space), other.vectors(space), strict=True):
            np.testing.assert_allclose(mine, theirs, atol=1e-5)
    assert one.manifest.fingerprint == other.manifest.fingerprint
    assert one.manifest.failures == other.manifest.failures


def test_exactly_what_changed_is_encoded_and_all_else_is_bit_by_bit_what_it_was(tmp_path):
    records = items(40)
    before = extract(catalog(tmp_path, records), both(), tmp_path / "f", OPTIONS)
    old = {
        space: dict(zip(before.item_ids(), before.vectors(space)[0], strict=True)) for space in before.spaces
    }
    (tmp_path / "f" / "notes.txt").write_text("mine")
    now = catalog(tmp_path, edited(records))
    made_by = both()
    made = extract(now, made_by, tmp_path / "f", replace(OPTIONS, update=True))
    assert made.item_ids() == [record.item_id for record in edited(records)]
    told = made.manifest.update
    assert (told.new, told.changed, told.gone) == (3, 7, 2)
    assert told.encoded == {"color_image": 2 + 3, "letter_text": 5 + 3}
    assert [one.encoded for one in made_by] == [5, 8]
    changed = {"color_image": {"i5", "i15"}, "letter_text": {"i0", "i3", "i8", "i12", "i20"}}
    for space in made.spaces:
        for item, vector in zip(made.item_ids(), made.vectors(space)[0], strict=True):
            if item in old[space] and item not in changed[space]:
                assert vector.tobytes() == old[space][item].tobytes()
    assert_equal(made, extract(now, both(), tmp_path / "anew", OPTIONS))
    assert verify(made) == []
    assert (tmp_path / "f" / "notes.txt").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["anew", "c", "f"]


def test_an_added_encoder_encodes_its_own_space_alone(tmp_path):
    now = catalog(tmp_path, items(30))
    extract(now, both()[1:], tmp_path / "f", OPTIONS)
    made_by = both()
    made = extract(now, made_by, tmp_path / "f", replace(OPTIONS, update=True))
    assert made.manifest.update.encoded == {"color_image": 30, "letter_text": 0}
    assert made_by[1].encoded == 0
    assert_equal(made, extract(now, both(), tmp_path / "anew", OPTIONS))
    fewer = both()[1:]
    assert_equal(
        extract(now, fewer, tmp_path / "f", replace(OPTIONS, update=True)),
        extract(now, both()[1:], tmp_path / "text", OPTIONS),
    )
    assert fewer[0].encoded == 0


@pytest.mark.parametrize("change", [{"dtype": "float16"}, {"threads": 2}, {"batch_size": 8}])
def test_nothing_is_copied_from_a_set_that_was_made_another_way(tmp_path, change):
    now = catalog(tmp_path, items(12))
    extract(now, both(), tmp_path / "f", OPTIONS)
    made_by = both()
    extract(now, made_by, tmp_path / "f", replace(OPTIONS, update=True, **change))
    assert [one.encoded for one in made_by] == [10, 10]


def test_where_it_is_not_known_what_a_set_was_made_of_everything_is_encoded(tmp_path):
    records = items(12)
    made = extract(catalog(tmp_path, records), both(), tmp_path / "f", OPTIONS)
    known = tmp_path / "f" / FOLDER / FILE
    assert read_inputs(made.folder, made.manifest.fingerprint).num_rows == 12
    assert read_inputs(made.folder, "of another set") is None
    for damage in (known.unlink, lambda: known.write_bytes(b"PAR1 no more")):
        damage()
        made_by = both()
        records = records[:-1]
        extract(catalog(tmp_path, records), made_by, tmp_path / "f", replace(OPTIONS, update=True))
        assert made_by[1].encoded == sum(record.title is not None for record in records)
        assert known.is_file()


def test_the_same_again_and_a_first_time_are_what_they_are_without_update(tmp_path):
    now = catalog(tmp_path, items(12))
    made = extract(now, both(), tmp_path / "f", replace(OPTIONS, update=True))
    assert made.manifest.update is None
    made_by = both()
    extract(now, made_by, tmp_path / "f", replace(OPTIONS, update=True))
    assert [one.encoded for one in made_by] == [0, 0]


def test_a_damaged_old_shard_is_said_and_the_old_set_stays(tmp_path):
    records = items(12)
    made = extract(catalog(tmp_path, records), both(), tmp_path / "f", OPTIONS)
    made.shards[0].write_bytes(b"junk")
    with pytest.raises(InputError, match="cannot be read"):
        extract(catalog(tmp_path, records[1:]), both(), tmp_path / "f", replace(OPTIONS, update=True))
    assert FeatureSet.open(tmp_path / "f").rows == 12


EDITS = st.lists(
    st.tuples(st.sampled_from(["title", "picture", "gone", "new", "first"]), st.integers(0, 30)), max_size=8
)


@settings(max_examples=15)
@given(rounds=st.lists(EDITS, min_size=1, max_size=3))
def test_whatever_is_edited_however_often_the_set_is_the_one_made_anew(tmp_path_factory, rounds):
    tmp_path, records, fresh = tmp_path_factory.mktemp("edits"), items(20), 100
    extract(catalog(tmp_path, records), both(), tmp_path / "f", OPTIONS)
    for edits in rounds:
        for kind, at in edits:
            at, fresh = at % len(records), fresh + 1
            if kind == "title":
                records[at] = replace(records[at], title=None if fresh % 3 == 0 else f"title {fresh}")
            elif kind == "picture":
                records[at] = replace(
                    records[at], image=ImageRef(data=b"junk" if fresh % 3 == 0 else png(fresh))
                )
            elif kind == "gone" and len(records) > 1:
                del records[at]
            elif kind == "new":
                records.insert(at, items(1, fresh)[0])
            else:
                records.insert(0, records.pop(at))
        now = catalog(tmp_path, records)
        made = extract(now, both(), tmp_path / "f", replace(OPTIONS, update=True))
        anew = extract(now, both(), tmp_path / "anew", replace(OPTIONS, overwrite=True))
        assert_equal(made, anew)


CHILD = """
import sys
from dataclasses import replace
from pathlib import Path
from featurizer.catalog.store import Catalog
from featurizer.features.extract import extract
from tests.features.test_update import OPTIONS, both
made_by = both()
made_by[0].inner.delay = 0.02
extract(Catalog.open(Path(sys.argv[1])), made_by, Path(sys.argv[2]), replace(OPTIONS, update=True))
"""


def test_killed_at_any_moment_the_old_set_or_the_new_one_is_there_whole(tmp_path):
    records = items(40)
    extract(catalog(tmp_path, records), both(), tmp_path / "old", OPTIONS)
    now = catalog(
        tmp_path, [replace(record, image=ImageRef(data=png(n + 99))) for n, record in enumerate(records)]
    )
    anew = extract(now, both(), tmp_path / "anew", OPTIONS)
    draw, killed = random.Random(0), 0
    for _ in range(4):
        if not (tmp_path / "f").exists():
            shutil.copytree(tmp_path / "old", tmp_path / "f")
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(now.folder), str(tmp_path / "f")])
        while child.poll() is None and not (tmp_path / ".f.update").exists():
            time.sleep(0.01)
        time.sleep(draw.uniform(0, 0.4))
        child.send_signal(signal.SIGKILL)
        killed += child.wait() == -signal.SIGKILL
        found = FeatureSet.open(tmp_path / "f")
        assert verify(found) == []
        assert found.rows == 40
        if found.manifest.fingerprint == anew.manifest.fingerprint:
            shutil.rmtree(tmp_path / "f")
    assert killed
    if not (tmp_path / "f").exists():
        shutil.copytree(tmp_path / "old", tmp_path / "f")
    assert_equal(extract(now, both(), tmp_path / "f", replace(OPTIONS, update=True)), anew)


def test_what_was_begun_is_gone_on_with_and_what_was_begun_for_another_catalog_is_not(tmp_path, monkeypatch):
    records = items(30)
    extract(catalog(tmp_path, records), both(), tmp_path / "f", OPTIONS)
    changed = [replace(record, title=f"new {n}") for n, record in enumerate(records)]
    now = catalog(tmp_path, changed)

    def broken(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(replacing, "exchange", broken)
        with pytest.raises(KeyboardInterrupt):
            extract(now, both(), tmp_path / "f", replace(OPTIONS, update=True))
    made_by = both()
    made = extract(now, made_by, tmp_path / "f", replace(OPTIONS, update=True))
    assert made_by[1].encoded == 0
    assert made.item_ids() == [record.item_id for record in changed]
    with monkeypatch.context() as patched:
        patched.setattr(replacing, "exchange", broken)
        with pytest.raises(KeyboardInterrupt):
            extract(catalog(tmp_path, records), both(), tmp_path / "f", replace(OPTIONS, update=True))
    other = catalog(tmp_path, changed[:10])
    assert_equal(
        extract(other, both(), tmp_path / "f", replace(OPTIONS, update=True)),
        extract(other, both(), tmp_path / "anew", OPTIONS),
    )


@pytest.mark.parametrize("knows", [True, False])
def test_two_folders_change_places_where_the_file_system_knows_how_and_where_not(
    tmp_path, monkeypatch, knows
):
    if not knows:
        monkeypatch.setattr(exchange_module, "_swapped", lambda *_: False)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    exchange(tmp_path / "one", tmp_path / "two")
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["two"]
    assert [path.name for path in (tmp_path / "two").iterdir()] == ["one"]
    assert not restore(tmp_path / "one")


@pytest.mark.parametrize("locked", [True, False])
def test_a_folder_that_a_kill_left_aside_is_brought_back(tmp_path, locked):
    (tmp_path / ".one.aside").mkdir()
    (tmp_path / ".one.aside" / "data").touch()
    if locked:
        (tmp_path / "one").mkdir()
        (tmp_path / "one" / ".featurizer.lock").touch()
    assert restore(tmp_path / "one")
    assert (tmp_path / "one" / "data").exists()
    assert (tmp_path / "one" / ".featurizer.lock").exists() == locked
    assert not (tmp_path / ".one.aside").exists()


def test_a_picture_is_seen_by_the_encoders_that_read_it_again(tmp_path):
    """Of a picture that stays broken the reason stays; of one that is mended it goes."""
    records = items(22)
    extract(catalog(tmp_path, records), both(), tmp_path / "f", OPTIONS)
    records[10] = replace(records[10], title="still broken")
    records[21] = replace(records[21], image=ImageRef(data=png(7)))
    now = catalog(tmp_path, records)
    made = extract(now, both(), tmp_path / "f", replace(OPTIONS, update=True))
    errors = [error for table in made.tables(["error"]) for error in table.column("error").to_pylist()]
    assert errors[10] == "image: not_an_image"
    assert errors[21] is None
