import os
import pickle
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from featurizer.errors import InputError, MissingExtra, StoreError
from featurizer.results.files import atomic_path, file_sha256, read_json, remove_tree, write_json
from featurizer.results.store_path import StorePath, opened, place


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("s3://bucket/a/b", "s3://bucket/a/b"),
        (Path("s3://bucket/a"), "s3://bucket/a"),
        ("S3://Bucket//a/", "s3://Bucket/a"),
        ("hf://datasets/me/set", "hf://datasets/me/set"),
    ],
)
def test_an_address_stays_one_also_when_it_was_taken_for_a_path(given, told):
    found = place(given)
    assert isinstance(found, StorePath)
    assert str(found) == told
    assert str(place(found) / "x") == f"{told}/x"
    assert pickle.loads(pickle.dumps(found)) == found


@pytest.mark.parametrize("given", ["runs/a", "C:/x", "/tmp/a:b", "a:b/c", "hf:me/set"])
def test_what_is_no_address_is_a_path_of_this_machine(given):
    assert place(given) == Path(given)
    assert not isinstance(place(given), StorePath)
    assert place("file:///tmp/a") == Path("/tmp/a")


@pytest.mark.parametrize("given", ["https://shop.test/set", "simplecache::s3://bucket/a", Path("http://a/b")])
def test_where_nothing_can_be_listed_is_refused(given):
    with pytest.raises(InputError, match="is no store whose objects can be listed"):
        place(given)


def test_nothing_takes_an_address_for_a_path_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    where = place("s3://bucket/a")
    for take in (open, pq.read_table, Path.mkdir, Path.touch):
        if take is Path.mkdir:
            where.mkdir(parents=True)  # a folder is there once something is in it
            continue
        with pytest.raises((InputError, NotImplementedError), match="s3://bucket/a"):
            take(where)
    assert list(tmp_path.iterdir()) == []


def test_a_driver_that_is_not_there_is_said_with_what_installs_it(monkeypatch):
    with pytest.raises(InputError, match="nosuch:// is no scheme of a store that is known"):
        place("nosuch://a/b").exists()
    monkeypatch.setattr("fsspec.filesystem", _no_driver)
    with pytest.raises(
        MissingExtra, match=r"gcsfs, the driver of gs://, is not installed.*pip install gcsfs"
    ):
        place("gs://a/b").exists()


def test_who_has_no_login_is_told_where_one_is_looked_for(tmp_path):
    pytest.importorskip("s3fs")
    script = "from featurizer.results.store_path import place; place('s3://bucket/a').exists()"
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FSSPEC_"))
    }
    environment |= {"HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}
    ran = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert "StoreError: could not look at s3://bucket/a: the driver found no login" in ran.stderr
    assert "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in ran.stderr


def _no_driver(scheme, **options):
    raise ImportError("Please install gcsfs to access Google Storage")


def test_what_is_written_is_read_back_and_listed(bucket, tmp_path):
    folder = place(bucket) / "set"
    assert not folder.exists()
    assert list(folder.iterdir()) == []
    write_json(folder / "a.json", {"one": 1})
    with atomic_path(folder / "data" / "b.bin") as partial:
        partial.write_bytes(bytes(range(256)) * 100)
    assert read_json(folder / "a.json") == {"one": 1}
    assert folder.is_dir()
    assert not folder.is_file()
    assert (folder / "a.json").is_file()
    assert [path.name for path in folder.iterdir()] == ["a.json", "data"]
    assert [path.relative_to(folder).as_posix() for path in folder.rglob("*")] == ["a.json", "data/b.bin"]
    assert [path.name for path in (folder / "data").glob("b*")] == ["b.bin"]
    assert (folder / "data" / "b.bin").stat().st_size == 25600
    (tmp_path / "same").write_bytes(bytes(range(256)) * 100)
    assert file_sha256(folder / "data" / "b.bin") == file_sha256(tmp_path / "same")
    remove_tree(folder / "data")
    remove_tree(folder / "data")
    assert [path.name for path in folder.iterdir()] == ["a.json"]
    (folder / "a.json").unlink()
    assert not (folder / "a.json").exists()
    with pytest.raises(InputError, match=r"a\.json does not exist"):
        read_json(folder / "a.json")


def test_a_bucket_is_never_removed(store):
    bucket = place(store.bucket())
    write_json(bucket / "a.json", {})
    with pytest.raises(InputError, match=r"is the whole of shop-\d+, which is not removed"):
        remove_tree(bucket)
    assert (bucket / "a.json").exists()


def test_of_a_parquet_file_only_the_columns_that_are_asked_for_are_fetched(store):
    path = place(store.bucket()) / "wide.parquet"
    table = pa.table({"small": list(range(1000)), "large": [bytes([n % 251]) * 5000 for n in range(1000)]})
    with atomic_path(path) as partial:
        pq.write_table(table, partial, compression="none", use_dictionary=False)
    size = path.stat().st_size
    store.asked.clear()
    with opened(path) as file:
        assert pq.read_table(file, columns=["small"]) == table.select(["small"])
    assert sum(answered for method, _, answered in store.asked if method == "GET") < size / 20


@pytest.mark.parametrize("kind", ["500", "503", "cut", pytest.param("slow", marks=pytest.mark.slow)])
def test_what_fails_once_is_asked_for_again(store, kind):
    path = place(store.bucket()) / "a.json"
    store.fault("PUT", "*/a.json", "503" if kind == "503" else "500", times=1)
    write_json(path, {"one": "x" * 1000})
    store.fault("GET", "*/a.json", kind, times=1)
    assert read_json(path) == {"one": "x" * 1000}


@pytest.mark.parametrize("kind", ["500", "cut", pytest.param("slow", marks=pytest.mark.slow)])
def test_what_fails_every_time_is_an_error_that_says_what_and_where(store, kind):
    path = place(store.bucket()) / "a.json"
    write_json(path, {"one": "x" * 1000})
    store.fault("GET", "*/a.json", kind)
    with pytest.raises(
        StoreError, match=f"could not read {path}: .*also when it was tried again. Run the same"
    ):
        read_json(path)
    store.fault("PUT", "*/a.json", "500")
    with pytest.raises(StoreError, match=f"could not write {path}: .*what is finished there is kept"):
        write_json(path, {"one": 2})
    store.faults.clear()
    assert read_json(path) == {"one": "x" * 1000}


def test_a_missing_bucket_and_a_refusal_say_which(store):
    missing = place("s3://no-such-bucket/a.json")
    for ask in (missing.exists, lambda: list(missing.iterdir()), lambda: write_json(missing, {})):
        with pytest.raises(StoreError, match=r"s3://no-such-bucket/a\.json: there is no such bucket"):
            ask()
    path = place(store.bucket()) / "a.json"
    store.fault("PUT", "*/a.json", "403")
    with pytest.raises(
        StoreError, match=f"could not write {path}: the store refuses it to whoever this process is"
    ):
        write_json(path, {})
