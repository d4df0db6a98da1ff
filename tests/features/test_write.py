import threading

import numpy as np
import pytest

from featurizer.errors import OutputError
from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.features.draft import FeatureSetDraft
from featurizer.features.engines import local as writing
from featurizer.features.extract import ExtractOptions, extract
from featurizer.features.rows import ShardRows
from featurizer.features.shards import write_shard
from featurizer.features.write import write_feature_set
from featurizer.operations.extract import Extract
from featurizer.progress import Progress
from featurizer.records import ItemRecord
from tests.support.color import LetterEncoder, spec
from tests.support.items import make_catalog


def rows_of(part):
    n = len(part)
    return ShardRows(
        [f"i{row}" for row in part],
        np.zeros(n, bool),
        np.ones(n, bool),
        [None if row else "text: odd" for row in part],
        {"letter_text": np.ones((n, 2), np.float32)},
        {"letter_text": np.array([row != 3 for row in part])},
    )


def draft(rows):
    about = LetterEncoder(spec("letter", "text", 2)).spec.provenance()
    return FeatureSetDraft(
        rows=rows,
        dims={"letter_text": 2},
        spaces={"letter_text": {**about, "encoder": "letter", "dtype": "float32"}},
        about={"libraries": {"numpy": "1"}},
        config={"rows": rows},
        dtype="float32",
        shard_rows=4,
    )


def test_without_options_a_shard_holds_2048_items_and_an_encoder_sees_32_at_once(tmp_path):
    many = ArraySpace("x", "text", np.ones((2049, 1), np.float32))
    ids = [f"i{row}" for row in range(2049)]
    found = write_arrays(tmp_path / "arrays", ids, [many])
    assert [shard.rows for shard in found.manifest.shards] == [2048, 1]

    class Counting(LetterEncoder):
        seen = ()

        def encode(self, prepared):
            self.seen = (*self.seen, len(prepared))
            return super().encode(prepared)

    catalog = make_catalog(tmp_path / "c", [ItemRecord(f"i{row}", title="cup") for row in range(40)])
    encoder = Counting(spec("letter", "text", 32))
    extract(catalog, [encoder], tmp_path / "f", ExtractOptions())
    assert encoder.seen == (32, 8)
    asked = Extract(catalog=tmp_path, encoders=("letter",), out=tmp_path)
    assert (asked.batch_size, asked.shard_rows) == (32, 2048)


def test_the_manifest_sums_up_its_shards(tmp_path):
    def make(part, clock, tick):
        clock.add("encode", 1.5)
        return rows_of(part)

    manifest = write_feature_set(tmp_path, draft(10), make, overwrite=False).manifest
    assert (manifest.rows, manifest.with_image, manifest.with_text, manifest.failed) == (10, 0, 10, 1)
    assert manifest.failures == {"text: odd": 1}
    assert manifest.spaces["letter_text"].null == 1
    assert [shard.rows for shard in manifest.shards] == [4, 4, 2]
    assert manifest.seconds["encode"] == 4.5
    assert manifest.libraries == {"numpy": "1"}


def test_the_next_shard_is_made_while_the_last_one_is_written(tmp_path, monkeypatch):
    made = threading.Event()
    together = []

    def slow(folder, index, *rest):
        together.append(made.wait(5) if index == 0 else True)
        return write_shard(folder, index, *rest)

    def make(part, clock, tick):
        if part.start:
            made.set()
        return rows_of(part)

    monkeypatch.setattr(writing, "write_shard", slow)
    write_feature_set(tmp_path, draft(8), make, overwrite=False)
    assert together == [True, True]


def test_a_refused_write_ends_the_work_and_what_was_finished_is_told_and_not_made_again(
    tmp_path, monkeypatch
):
    asked, told = [], []

    def full_at_the_second(folder, index, *rest):
        if index == 1:
            raise OutputError("the disk is full")
        return write_shard(folder, index, *rest)

    def make(part, clock, tick):
        asked.append(part)
        tick(len(part), 0)
        return rows_of(part)

    with monkeypatch.context() as patch:
        patch.setattr(writing, "write_shard", full_at_the_second)
        with pytest.raises(OutputError, match="disk is full"):
            write_feature_set(tmp_path, draft(20), make, overwrite=False)
    assert asked == [range(4), range(4, 8), range(8, 12)]
    asked.clear()
    write_feature_set(tmp_path, draft(20), make, overwrite=False, name="make", report=told.append)
    assert asked == [range(start, start + 4) for start in (4, 8, 12, 16)]
    assert told == [Progress("make", done, 20, 1) for done in (4, 8, 12, 16, 20)]
