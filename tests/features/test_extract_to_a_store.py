import subprocess
import sys

import pytest

from featurizer.catalog.store import Catalog
from featurizer.errors import InputError, StaleOutput, StoreError
from featurizer.features.encode_again import verify_sample
from featurizer.features.feature_set import FeatureSet
from featurizer.features.inspect import neighbors_of, summarize
from featurizer.features.verify import verify
from featurizer.release.card import write_card
from featurizer.release.diff import difference
from featurizer.release.verify import verify_folder
from featurizer.results.storage import Storage
from featurizer.results.store_path import place
from tests.features.test_extract import CHILD, hashes, items, run
from tests.support.color import encoders
from tests.support.items import make_catalog
from tests.support.stores import copied


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    return make_catalog(tmp_path_factory.mktemp("catalog") / "c", items(40))


@pytest.fixture(scope="module")
def whole(catalog, tmp_path_factory):
    return hashes(run(catalog, tmp_path_factory.mktemp("whole") / "f"))


def test_from_a_store_into_a_store_the_shards_are_those_of_this_machine(catalog, bucket, tmp_path):
    stored = Catalog.open(copied(catalog.folder, place(bucket) / "catalog"))
    here, there = run(catalog, tmp_path / "here"), run(stored, place(bucket) / "out")
    assert hashes(there) == hashes(here)
    assert there.manifest.config == here.manifest.config
    assert {path.relative_to(there.folder) for path in there.folder.rglob("*")} == {
        path.relative_to(here.folder) for path in here.folder.rglob("*") if path.is_file()
    }
    assert difference(here, there, tolerance=0).same
    assert summarize(there) == summarize(here)
    assert neighbors_of(there, "i3", k=5, spaces=None) == neighbors_of(here, "i3", k=5, spaces=None)
    assert stored.to_polars().equals(catalog.to_polars())
    assert verify(there) == []
    assert verify_sample(there, stored, encoders(), sample=5) == []
    for one in (here, there):
        write_card(one)
    assert verify_folder(there.folder) == verify_folder(here.folder)
    assert verify_folder(stored.folder) == verify_folder(catalog.folder)


def test_a_finished_set_is_not_made_again_and_another_option_is_stale(catalog, bucket, monkeypatch):
    out = place(bucket) / "out"
    first = run(catalog, out)
    with monkeypatch.context() as patched:
        patched.setattr(Storage, "put", None)
        assert hashes(run(catalog, out)) == hashes(first)
        with pytest.raises(StaleOutput, match=r"shard_rows .*pass --overwrite to replace it\.$"):
            run(catalog, out, shard_rows=10)
    assert len(hashes(run(catalog, out, shard_rows=20, overwrite=True))) == 2
    assert len(list((out / "data").iterdir())) == 2


def test_a_set_may_be_the_whole_of_a_bucket(catalog, whole, store):
    out = place(store.bucket())
    run(catalog, out, shard_rows=20)
    assert hashes(run(catalog, out, overwrite=True)) == whole


def test_what_is_refused_ends_the_run_and_the_next_one_makes_only_the_rest(catalog, whole, store):
    out = place(store.bucket()) / "out"
    store.fault("PUT", "*/train-00002-*", "403")
    with pytest.raises(
        StoreError, match=r"could not write .*train-00002-of-00005\.parquet: the store refuses it"
    ):
        run(catalog, out)
    assert [path.name for path in (out / "data").iterdir()] == [
        f"train-{n:05d}-of-00005.parquet" for n in (0, 1)
    ]
    with pytest.raises(
        InputError, match=r"holds no feature_set\.json; expected a finished feature set: run the same"
    ):
        FeatureSet.open(out)
    store.faults.clear()
    store.asked.clear()
    assert hashes(run(catalog, out)) == whole
    put = [path for method, path, _ in store.asked if method == "PUT" and "/data/" in path]
    assert [path.rpartition("/")[2][:11] for path in put] == ["train-00002", "train-00003", "train-00004"]


def test_a_store_that_fails_now_and_then_is_no_failure(catalog, whole, store):
    stored = copied(catalog.folder, place(store.bucket()) / "catalog")
    for kind in ("500", "cut"):
        store.fault("GET", "*/items/*", kind, times=1)
    store.fault("PUT", "*/out/*", "500", times=1)
    assert hashes(run(Catalog.open(stored), stored.parent / "out")) == whole


@pytest.mark.parametrize("bucket", ["memory"], indirect=True)
def test_broken_off_at_each_request_in_turn_it_ends_the_same(catalog, whole, bucket, monkeypatch):
    """Everything that changes the store is once the last thing that happens."""
    steps = {"left": 0}

    def counted(work):
        def step(*args):
            if steps["left"] == 0:
                raise KeyboardInterrupt
            steps["left"] -= 1
            return work(*args)

        return step

    for allowed in range(60):
        out = place(bucket) / f"f{allowed}"
        with monkeypatch.context() as patched:
            steps["left"] = allowed
            for name in ("put", "remove", "remove_tree"):
                patched.setattr(Storage, name, counted(getattr(Storage, name)))
            try:
                run(catalog, out, workers=1)
                break
            except KeyboardInterrupt:
                pass
        assert hashes(run(catalog, out, workers=1)) == whole
    assert 10 < allowed < 59
    assert hashes(FeatureSet.open(out)) == whole


@pytest.mark.parametrize(
    ("moment", "kind"),
    [
        ("*/train-00002-*", "kill after"),
        ("*/feature_set.json", "kill"),
        *[
            pytest.param(*rarer, marks=pytest.mark.slow)
            for rarer in (
                ("*/.stage.json", "kill"),
                ("*/train-00001-*", "kill"),
                ("*/.shards/00003.json", "kill after"),
                ("*/feature_set.json", "kill after"),
            )
        ],
    ],
)
def test_killed_at_that_moment_the_next_run_ends_the_same(catalog, whole, store, moment, kind):
    out = place(store.bucket()) / "out"
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(catalog.folder), str(out)])
    store.fault("PUT", moment, (kind, child))
    assert child.wait(60) == -9
    assert (out / ".stage.json").exists() == (moment != "*/.stage.json")
    store.faults.clear()
    assert hashes(run(catalog, out)) == whole
    assert verify(FeatureSet.open(out)) == []
    assert not (out / ".shards").exists()
