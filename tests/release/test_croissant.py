import json
import warnings

import mlcroissant
import pytest

from featurizer.features.feature_set import FeatureSet
from featurizer.release.croissant import render_croissant, write_croissant
from featurizer.results.files import write_json
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


def test_its_provenance_is_prov_o_that_an_rdf_reader_understands(tmp_path, quiet):
    import rdflib

    source = {"name": "my shop", "license": "CC0-1.0", "homepage": "https://shop.example"}
    made = make_set(tmp_path / "f", source=source)
    manifest = made.manifest.document()
    taught = {"interactions": "cd" * 32, "items": 3}
    manifest["spaces"]["x_image"] |= {"weight_hash": "ab" * 32, "revision": "r1", "supervised": taught}
    manifest |= {"catalog": {"data_sha256": "ef" * 32}, "requests": ["x"]}
    write_json(made.folder / "feature_set.json", manifest)
    path = write_croissant(FeatureSet.open(made.folder))
    opened = mlcroissant.Dataset(jsonld=path)
    assert opened.metadata.ctx.issues.errors == set()
    assert len(list(opened.records("items"))) == made.rows
    graph = rdflib.Graph().parse(data=path.read_text(), format="json-ld", publicID="https://hub.example/")
    prov, here = rdflib.Namespace("http://www.w3.org/ns/prov#"), rdflib.URIRef
    data = next(graph.subjects(prov.wasDerivedFrom, here(f"urn:sha256:{'ef' * 32}")))
    assert (data, rdflib.RDF.type, here("https://schema.org/Dataset")) in graph
    agent = graph.value(graph.value(data, prov.wasGeneratedBy), prov.wasAssociatedWith)
    assert (agent, rdflib.RDF.type, prov.SoftwareAgent) in graph
    fields = {
        str(field): set(graph.objects(made_by, prov.used)) for field, made_by in graph[: prov.wasGeneratedBy]
    }
    (image,) = [used for field, used in fields.items() if field.endswith("items/x_image")]
    assert image == {here(f"urn:sha256:{'ab' * 32}"), here(f"urn:sha256:{'cd' * 32}")}
    assert str(graph.value(here(f"urn:sha256:{'ab' * 32}"), prov.label)) == "timm:m@r1"


def test_a_set_without_a_source_has_provenance_without_one(tmp_path):
    told = json.loads(render_croissant(make_set(tmp_path / "f", source={})))
    assert "prov:wasDerivedFrom" not in told
    assert told["prov:wasGeneratedBy"]["prov:label"] == "vectors brought by hand"
    assert told["@context"]["prov"] == "http://www.w3.org/ns/prov#"
