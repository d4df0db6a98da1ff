"""Every damage that can be seen is said; what cannot be seen stands in the docs, and a signature sees it."""

import json
import random
import re
import shutil
import tracemalloc
from pathlib import Path

import pytest

from featurizer.catalog.store import Catalog
from featurizer.errors import FeaturizerError
from featurizer.features.against_catalog import against_catalog
from featurizer.features.extract import ExtractOptions, extract
from featurizer.features.feature_set import FeatureSet
from featurizer.records import ItemRecord
from featurizer.release.signing import check_signature, sign_folder
from featurizer.release.verify import verify_folder
from tests.release.test_signing import write_key
from tests.support.color import encoders
from tests.support.damages import CAUGHT, UNCAUGHT, Damage, forge
from tests.support.items import make_catalog
from tests.support.program import run_program
from tests.support.whole import make_all

KINDS = ("catalog", "set", "scores", "model", "aligned", "ica")
UNREADABLE = ("cannot be read", "holds a JSON", "nested", "it has no")
HOSTILE = [damage for damage in CAUGHT if damage.said.startswith(UNREADABLE)]
"""What no reader makes anything of."""
DOCS = Path(__file__).parents[2] / "docs" / "verify.md"


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    make_all(folder)
    return folder


@pytest.fixture
def damaged(whole, tmp_path):
    def make(damage):
        folder = tmp_path / damage.kind
        shutil.copytree(whole / damage.kind, folder, symlinks=True)
        damage.harm(folder)
        return folder

    return make


def look(folder, catalog=None):
    """Return what is said of a folder; an error is said, too."""
    try:
        found = list(verify_folder(folder).problems)
        if catalog is not None and not found:
            found += against_catalog(FeatureSet.open(folder), Catalog.open(catalog))
    except FeaturizerError as error:
        return [str(error)]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_result_has_no_problems_and_nothing_is_believed(whole, kind):
    found = verify_folder(whole / kind)
    assert (found.problems, found.notes) == ((), ())


def test_a_whole_set_is_as_its_catalog_has_it(whole):
    assert list(against_catalog(FeatureSet.open(whole / "set"), Catalog.open(whole / "catalog"))) == []


def test_texts_are_compared_with_a_catalog_without_an_object_of_python_each(tmp_path):
    catalog = make_catalog(tmp_path / "c", [ItemRecord(f"i{n}", title="x" * 20_000) for n in range(100)])
    features = extract(catalog, [encoders()[1]], tmp_path / "f", ExtractOptions())
    assert list(against_catalog(features, catalog)) == []
    tracemalloc.start()
    try:
        assert list(against_catalog(features, catalog)) == []
        assert tracemalloc.get_traced_memory()[1] < 1_000_000  # the texts have 2,000,000 characters
    finally:
        tracemalloc.stop()
    other = make_catalog(
        tmp_path / "o", [ItemRecord(f"i{n}", title=None if n in (3, 7) else "x") for n in range(100)]
    )
    assert list(against_catalog(features, other))[-1:] == [
        "2 items have none in the catalog though has_text is true, such as i3"
    ]
    turned = make_catalog(tmp_path / "t", [ItemRecord(f"i{99 - n}", title="x") for n in range(100)])
    assert list(against_catalog(features, turned))[-1:] == [
        "100 rows are other items than in the catalog: row 0 is i0, there i99"
    ]


@pytest.mark.parametrize("damage", CAUGHT, ids=lambda damage: damage.name)
def test_every_damage_is_said(whole, damaged, damage):
    catalog = whole / "catalog" if "with the catalog" in damage.name else None
    said = look(damaged(damage), catalog)
    assert any(damage.said in problem for problem in said), said


@pytest.mark.parametrize("damage", HOSTILE, ids=lambda damage: damage.name)
def test_the_command_ends_with_1_and_words_whatever_is_in_a_file(damaged, damage, monkeypatch, capsys):
    code, out, err = run_program(monkeypatch, capsys, "verify", damaged(damage))
    assert code == 1
    assert "Traceback" not in out + err
    assert "problem" in out or err.startswith("error:")


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_stands_in_a_json_file_ends_in_words(whole, tmp_path, kind):
    folder = shutil.copytree(whole / kind, tmp_path / kind)
    draw = random.Random(kind)
    files = [path for path in sorted(folder.rglob("*.json")) if ".featurizer" not in path.parts]
    for _ in range(60):
        path = draw.choice(files)
        before = path.read_text("utf-8")
        document = json.loads(before)
        changed = put(document, draw.choice(list(places(document))), draw.choice(ODD))
        path.write_text(json.dumps(forge(changed) if draw.random() < 0.5 else changed), "utf-8")
        assert all(problem.isprintable() for problem in look(folder))
        path.write_text(before, "utf-8")


ODD = [None, True, 1, -1, 10**30, 1e308, "x", "", "../../x", "\x00", [], {}, [None], [[1]], {"a": None}]
"""What may stand where something else is expected."""


def places(value, path=()):
    """Yield the path of every value in a JSON value, of a list's first two."""
    if path:
        yield path
    inside = (
        value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    )
    for key, part in inside:
        yield from places(part, (*path, key))


def put(document, path, value):
    where = document
    for key in path[:-1]:
        where = where[key]
    where[path[-1]] = value
    return document


@pytest.mark.parametrize("damage", UNCAUGHT, ids=lambda damage: damage.name)
def test_what_cannot_be_seen_is_not_taken_for_a_problem(damaged, damage):
    assert look(damaged(damage)) == []


@pytest.mark.parametrize("damage", UNCAUGHT, ids=lambda damage: damage.name)
def test_a_signature_sees_what_cannot_be_seen_without(damaged, damage, tmp_path):
    private, public = write_key(tmp_path / "key.pem")
    folder = damaged(Damage(damage.name, damage.kind, lambda folder: sign_folder(folder, "any", private), ""))
    assert check_signature(folder, public) == []
    damage.harm(folder)
    assert check_signature(folder, public)


def test_there_are_76_damages_and_each_has_a_name_of_its_own():
    names = [damage.name for damage in (*CAUGHT, *UNCAUGHT)]
    assert len(set(names)) == len(names) >= 76


def test_the_docs_list_exactly_what_cannot_be_seen_each_with_what_helps():
    section = DOCS.read_text("utf-8").partition("## What it cannot see")[2].partition("\n## ")[0]
    listed = dict(re.findall(r"^- \*\*(.+?)\*\*: (.+?)(?=^- |\Z)", section, re.MULTILINE | re.DOTALL))
    assert list(listed) == [damage.name for damage in UNCAUGHT]
    for damage in UNCAUGHT:
        assert damage.said in " ".join(listed[damage.name].split()), damage.name
