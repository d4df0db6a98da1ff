import json
import warnings

import mlcroissant
import pytest

from featurizer.release.croissant import render_croissant, write_croissant
from tests.release.sets import make_set


@pytest.fixture
def quiet():
    with warnings.catch_warnings():  # rdflib deprecates inside itself
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_mlcroissant_validates_it_and_reads_the_rows_back(tmp_path, quiet, dtype):
    made = make_set(tmp_path / "f", shard_rows=4, dtype=dtype)
    opened = mlcroissant.Dataset(jsonld=write_croissant(made))
    assert opened.metadata.ctx.issues.errors == set()
    rows = list(opened.records("items"))
    vectors, present = made.vectors("x_image")
    assert [row["items/item_id"].decode() for row in rows] == made.item_ids()
    for row, vector, there in zip(rows, vectors, present, strict=True):
        assert (row["items/x_image"] is not None) == there
        assert not there or row["items/x_image"] == vector.tolist()


def test_it_names_every_shard_with_its_hash_and_the_repository(tmp_path):
    made = make_set(tmp_path / "f", shard_rows=4)
    told = json.loads(render_croissant(made, repo="org/set"))
    files = {entry["@id"]: entry for entry in told["distribution"] if entry["@type"] == "cr:FileObject"}
    for shard in made.manifest.shards:
        assert files[shard.path]["sha256"] == shard.sha256
    assert told["url"] == "https://huggingface.co/datasets/org/set"
    assert told["license"] == "CC0-1.0"
    assert told["conformsTo"] == "http://mlcommons.org/croissant/1.1"


def test_the_same_set_gives_the_same_bytes(tmp_path):
    made = make_set(tmp_path / "f")
    assert render_croissant(made) == render_croissant(made)
