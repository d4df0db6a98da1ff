"""Addresses of object stores where commands take a folder, and where they refuse one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import featurizer as fz
from featurizer.errors import InputError, OutputError
from featurizer.interactions.read import read_interactions
from featurizer.operations.align import Align
from featurizer.operations.extract import Extract
from featurizer.operations.report import Report
from featurizer.operations.train import Train
from featurizer.results.files import atomic_path
from featurizer.results.replacing import begun_beside
from featurizer.results.store_lock import LOCK_FILE
from featurizer.results.store_path import place
from tests.recipes.shop import make_shop
from tests.release.test_signing import write_key
from tests.support.program import run_program
from tests.support.small_encoders import install
from tests.support.stores import copied


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = make_shop(tmp_path_factory.mktemp("shop") / "shop")
    with pytest.MonkeyPatch.context() as patch:
        site = install(tmp_path_factory.mktemp("site"))
        patch.syspath_prepend(str(site))
        patch.setenv("PYTHONPATH", f"{site}{os.pathsep}{Path(__file__).parents[2]}")
        fz.ingest(
            folder / "items.csv",
            images=folder / "pictures",
            interactions=folder / "clicks.csv",
            license="CC0-1.0",
            out=folder / "catalog",
        )
        fz.extract(folder / "catalog", encoders=["small"], device="cpu", out=folder / "features")
        yield folder


@pytest.fixture
def program(monkeypatch, capsys, tmp_path):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def run(*arguments):
        code, out, err = run_program(monkeypatch, capsys, *arguments)
        assert code == 0, err
        return out

    yield run
    assert not [path for path in (tmp_path / "here").iterdir() if ":" in path.name]


def test_a_set_is_made_inspected_verified_compared_and_exported_where_it_lies(shop, store, program, tmp_path):
    bucket = store.bucket()
    copied(shop / "catalog", place(bucket) / "catalog")
    options = ("--encoder", "small", "--shard-rows", "16", "--device", "cpu")
    here, there = tmp_path / "features", f"{bucket}/features"
    program("extract", shop / "catalog", *options, "--out", here)
    told = json.loads(program("extract", f"{bucket}/catalog", *options, "--out", there, "--json"))
    assert told["out"] == there
    assert (shards(fz.open_folder(there))) == shards(fz.open_folder(here))
    store.asked.clear()
    program("extract", f"{bucket}/catalog", *options, "--out", there)
    assert not [path for method, path, _ in store.asked if method == "PUT" and "lock" not in path]
    assert "as its manifest says" in program(
        "verify", there, "--catalog", f"{bucket}/catalog", "--sample", "2"
    )
    said = [program("inspect", where, "--neighbors", "i03").splitlines() for where in (here, there)]
    assert [line for line in said[1] if not line.startswith(("seconds", "feature set"))] == [
        line for line in said[0] if not line.startswith(("seconds", "feature set"))
    ]
    assert "40 items" in program("inspect", f"{bucket}/catalog")
    assert "hold the same items" in program("diff", here, there)
    for features in (here, there):
        program("export", features, "--format", "npy", "--out", tmp_path / features.__class__.__name__)
    files = [sorted((tmp_path / name).glob("*.npy")) for name in ("PosixPath", "str")]
    assert [file.read_bytes() for file in files[0]] == [file.read_bytes() for file in files[1]] != []


def test_what_learns_from_a_store_learns_the_same(shop, store, tmp_path):
    bucket = place(store.bucket())
    catalog = copied(shop / "catalog", bucket / "catalog")
    features = copied(shop / "features", bucket / "features")
    learned = {"item-cf": {}, "aligned": {}, "model": {}}
    for where, made_of in (("here", shop / "features"), ("there", features)):
        source = shop / "catalog" if where == "here" else catalog
        board = fz.score_features([made_of], interactions=source, out=tmp_path / where / "s", device="cpu")
        options = {"features": made_of, "interactions": f"{source}/interactions.parquet"}
        aligned = fz.align(**options, folds=1, ranks=[8], out=tmp_path / where / "a")
        model = fz.train(
            **options, model="bpr", space="small_image+small_text", epochs=1, out=tmp_path / where / "m"
        )
        learned["item-cf"][where] = board.to_polars()
        learned["aligned"][where] = aligned.features.to_polars()
        learned["model"][where] = model.items()
    for here, there in (one.values() for one in learned.values()):
        assert there.equals(here)
    fz.score_features([features], interactions=catalog, attach=True, out=tmp_path / "attached", device="cpu")
    fz.card(features, catalog=catalog, license="CC0-1.0")
    assert fz.verify(features).problems == ()
    assert "CC0-1.0" in (features / "README.md").read_text()


def test_tokens_are_made_of_a_catalog_that_lies_in_a_store(shop, store, tmp_path):
    catalog = copied(shop / "catalog", place(store.bucket()) / "catalog")
    options = {
        "vision": "small", "text": "small", "width": 16, "layers": 1, "heads": 2, "fused_layers": 1, "expansion": 2,
        "codes": 4, "epochs": 1, "batch_size": 16, "device": "cpu",
    }  # fmt: skip
    here = fz.pretrain_ica(shop / "catalog", **options, out=tmp_path / "here")
    there = fz.pretrain_ica(catalog, **options, out=tmp_path / "there")
    assert shards(there.features) == shards(here.features)


def test_a_set_in_a_store_is_signed_and_checked_there(shop, bucket, tmp_path):
    private, public = write_key(tmp_path / "key.pem")
    features = copied(shop / "features", place(bucket) / "features")
    assert fz.verify(features, sign=private).ok
    assert fz.verify(features, key=public).ok
    (features / "README.md").unlink()
    assert not fz.verify(features, key=public).ok


def test_folders_of_a_store_do_not_change_places(bucket):
    with pytest.raises(OutputError, match="is an object store, where folders cannot change places"):
        begun_beside(place(bucket), "feature_set.json", {}, {})


def test_interactions_are_read_where_they_lie_and_what_is_wrong_names_the_address(bucket):
    for name, text in (
        ("good.csv", "user_id,item_id\nu,a\n"),
        ("bad.csv", "user_id,item_id,rating\nu,a,b\n"),
    ):
        with atomic_path(place(bucket) / name) as partial:
            partial.write_text(text)
    assert read_interactions(place(bucket) / "good.csv")["item_id"].to_list() == ["a"]
    with pytest.raises(InputError, match=f"^{bucket}/bad.csv, line 2: the rating 'b' is no number"):
        read_interactions(place(bucket) / "bad.csv")
    with pytest.raises(InputError, match=f"^{bucket}/none.csv does not exist"):
        read_interactions(place(bucket) / "none.csv")


def shards(features):
    return [shard.sha256 for shard in features.manifest.shards]


def test_a_command_that_was_killed_goes_on_at_once_on_the_same_machine(shop, store, program):
    out = f"{store.bucket()}/features"
    options = ("extract", str(shop / "catalog"), "--encoder", "small", "--shard-rows", "8", "--threads", "1")
    child = subprocess.Popen([sys.executable, "-m", "featurizer", *options, "--out", out])
    store.fault("PUT", "*/train-00003-*", ("kill", child))
    assert child.wait(120) == -9
    assert (place(out) / LOCK_FILE).exists()
    store.faults.clear()
    store.asked.clear()
    program(*options, "--out", out)
    put = [path for method, path, _ in store.asked if method == "PUT" and "/data/" in path]
    assert [path.rpartition("/")[2][:11] for path in put] == ["train-00003", "train-00004"]
    assert not (place(out) / LOCK_FILE).exists()
    assert fz.verify(out).ok


def test_what_python_hands_over_from_a_store_is_taken_where_addresses_are(shop, bucket):
    catalog = fz.open_folder(copied(shop / "catalog", place(bucket) / "catalog"))
    features = fz.extract(catalog, encoders=["small"], out=place(bucket) / "features", device="cpu")
    assert features.to_polars().equals(
        fz.extract(catalog, encoders=["small"], out=shop / "f", device="cpu").to_polars()
    )
    assert "small_image" in fz.inspect(features).spaces
    own = fz.from_arrays(["a", "b"], {"own": [[1.0, 2.0], [3.0, 4.0]]}, modality="text", out=f"{bucket}/own")
    assert fz.open_folder(own.folder)["own"].vectors[1].tolist() == [3.0, 4.0]
    with pytest.raises(
        InputError, match="features is the address of a store, expected a path of this machine"
    ):
        fz.publish(features, repo="me/set", dry_run=True)


@pytest.mark.parametrize("address", ["s3://bucket/set", "gs://bucket"])
def test_where_no_address_can_be_taken_it_is_refused_before_any_work(tmp_path, address):
    told = f"{address} is the address of a store, expected a path of this machine"
    for refused in (
        lambda: Align(features=tmp_path, interactions=tmp_path / "i.csv", out=address),
        lambda: Report(of=(tmp_path,), out=address),
        lambda: Train(features=tmp_path, interactions=tmp_path / "i.csv", out=address),
    ):
        with pytest.raises(InputError, match=told):
            refused()


def test_what_a_store_cannot_do_is_refused_before_any_work(tmp_path):
    for option in ({"shard": "1/2"}, {"update": True}):
        with pytest.raises(
            InputError, match="memory://out is an object store; give a folder of this machine"
        ):
            Extract(catalog=tmp_path, encoders=("minilm",), out="memory://out", **option)
    with pytest.raises(InputError, match=r"is read and not written here.*'featurizer publish'"):
        Extract(catalog=tmp_path, encoders=("minilm",), out="hf://datasets/me/set")
    with pytest.raises(InputError, match=r"https://shop\.test/set is no store whose objects can be listed"):
        Extract(catalog="https://shop.test/set", encoders=("minilm",), out=tmp_path)
