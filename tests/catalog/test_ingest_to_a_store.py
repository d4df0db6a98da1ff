import subprocess
import sys

import pytest

from featurizer.catalog.open_source import open_source
from featurizer.catalog.store import Catalog
from featurizer.catalog.verify import verify_catalog
from featurizer.errors import InputError, StoreError
from featurizer.operations.download import Download
from featurizer.operations.ingest import Ingest
from featurizer.results.files import file_sha256, scratch
from featurizer.results.store_path import place
from tests.features.test_extract import items
from tests.support.items import make_catalog


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    return make_catalog(tmp_path_factory.mktemp("here") / "c", items(40))


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)


def parts(catalog):
    return {path.name: file_sha256(path) for path in (catalog.folder / "items").iterdir()}


def test_a_catalog_in_a_store_is_that_of_a_folder(here, bucket):
    there = make_catalog(place(bucket) / "c", items(40))
    assert parts(there) == parts(here)
    assert there.manifest.data_sha256 == here.manifest.data_sha256
    assert {path.relative_to(there.folder) for path in there.folder.rglob("*")} == {
        path.relative_to(here.folder) for path in here.folder.rglob("*") if path.is_file()
    }
    assert list(verify_catalog(there)) == []
    assert list(scratch().iterdir()) == []


def test_what_is_refused_ends_the_run_and_the_next_one_makes_only_the_rest(here, store):
    out = place(store.bucket()) / "c"
    store.fault("PUT", "*/part-00003*", "403")
    with pytest.raises(StoreError, match=r"could not write .*part-00003\.parquet: the store refuses it"):
        make_catalog(out, items(40))
    with pytest.raises(
        InputError, match=r"holds no catalog\.json; expected a finished catalog: run the command"
    ):
        Catalog.open(out)
    before = {path.name for path in (out / "items").iterdir()}
    store.faults.clear()
    store.asked.clear()
    assert parts(make_catalog(out, items(40))) == parts(here)
    put = {
        path.rpartition("/")[2] for method, path, _ in store.asked if method == "PUT" and "/items/" in path
    }
    assert put == parts(here).keys() - before
    assert list(scratch().iterdir()) == []


CHILD = """
import sys
from featurizer.results.store_path import place
from tests.features.test_extract import items
from tests.support.items import make_catalog
make_catalog(place(sys.argv[1]), items(40))
"""


@pytest.mark.parametrize(
    ("moment", "kind"),
    [
        ("*/part-00002*", "kill"),
        pytest.param("*/part-00004*", "kill after", marks=pytest.mark.slow),
        pytest.param("*/catalog.json", "kill", marks=pytest.mark.slow),
    ],
)
def test_killed_at_that_moment_the_next_run_ends_the_same(here, store, moment, kind):
    out = place(store.bucket()) / "c"
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(out)])
    store.fault("PUT", moment, (kind, child))
    assert child.wait(60) == -9
    store.faults.clear()
    assert parts(make_catalog(out, items(40))) == parts(here)
    assert list(scratch().iterdir()) == []


@pytest.mark.parametrize("address", ["s3://shop/items.csv", "https://shop.test/items.csv"])
def test_a_source_that_is_an_address_is_refused_before_any_work(tmp_path, address):
    with pytest.raises(InputError, match=f"{address} is the address of a store or a server, expected a path"):
        open_source(address)


def test_what_works_on_a_catalog_that_is_there_needs_a_folder():
    for option in ("update", "retry_failed"):
        with pytest.raises(
            InputError, match="work on a catalog in a folder, and memory://c is an object store"
        ):
            Ingest(path=("items.csv",), out="memory://c", **{option: True})
    for given in ({"dataset": "sample"}, {"dataset": "amazon-2014-baby", "retry_failed": True}):
        with pytest.raises(
            InputError, match="the sample work in a folder, and memory://c is an object store"
        ):
            Download(out="memory://c", **given)
