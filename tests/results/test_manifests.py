"""Manifests, typed: what is damaged is named, what is new is kept, and what stages write is known."""

import numpy as np
import polars as pl
import pydantic
import pytest

from featurizer.catalog.images import ImageFetcher
from featurizer.catalog.ingest import ingest
from featurizer.catalog.interactions import InteractionFiles
from featurizer.catalog.open_source import open_source
from featurizer.catalog.store import Catalog
from featurizer.errors import InputError
from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.features.extract import ExtractOptions, extract
from featurizer.features.feature_set import FeatureSet
from featurizer.ica.pretrain import open_pretrained
from featurizer.recsys.model import Model
from featurizer.release.exchange.export import export
from featurizer.release.exchange.sidecar import read_sidecar
from featurizer.results.files import read_json, write_json
from featurizer.results.manifests.ica import IcaManifest
from featurizer.results.manifests.manifest import Record
from featurizer.results.manifests.model import read_model_manifest
from featurizer.results.manifests.recommender import RecommenderManifest
from featurizer.scoring.document import read_scores
from tests.support.color import encoders
from tests.support.manifests import alignment_manifest, recommender_manifest


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder with one finished result of every kind."""
    folder = tmp_path_factory.mktemp("shop")
    ids = [f"i{n}" for n in range(6)]
    pl.DataFrame({"item_id": ids, "title": ["red", "blue"] * 3}).write_csv(folder / "items.csv")
    rows = [(f"u{u}", item) for u in range(3) for item in ids]
    pl.DataFrame(rows, schema=["user_id", "item_id"], orient="row").write_csv(folder / "clicks.csv")
    source = open_source(str(folder / "items.csv"))
    with ImageFetcher() as fetcher:
        catalog = ingest(
            source,
            folder / "catalog",
            origin={"name": "shop", "license": "MIT"},
            fetcher=fetcher,
            interactions=InteractionFiles((folder / "clicks.csv",)),
        )
    made = extract(catalog, encoders(), folder / "features", ExtractOptions())
    export(made, folder / "export", format="npy", spaces=("letter_text",))
    for kind, manifest in (("model", recommender_manifest()), ("ica", alignment_manifest())):
        (folder / kind / "model").mkdir(parents=True)
        write_json(folder / kind / "model" / "manifest.json", manifest)
    write_arrays(folder / "ica" / "features", ids, [space()], source={"name": "shop"})
    score = {"feature_set": "f", "space": "x", "metric": "m", "value": 0.5}
    (folder / "scores").mkdir()
    write_json(folder / "scores" / "scores.json", {"scores": [score], "comparisons": []})
    return folder


def space(**provenance):
    return ArraySpace("x_text", "text", np.ones((6, 2), np.float32), provenance=provenance)


KINDS = {
    "catalog": ("catalog/catalog.json", lambda path: Catalog.open(path.parent)),
    "features": ("features/feature_set.json", lambda path: FeatureSet.open(path.parent)),
    "model": ("model/model/manifest.json", lambda path: Model.open(path.parent.parent)),
    "ica": ("ica/model/manifest.json", lambda path: open_pretrained(path.parent.parent)),
    "export": ("export/export.json", lambda path: read_sidecar(path.parent)),
    "scores": ("scores/scores.json", read_scores),
}
DAMAGED = [
    ("catalog", "rows", None, "it has no 'rows', expected one"),
    ("catalog", "rows", "6", "'rows' is \"6\", expected a valid integer"),
    ("catalog", "rows", -1, "'rows' is -1, expected greater than or equal to 0"),
    ("catalog", "image_status", [], r"'image_status' is \[\], expected an object"),
    ("catalog", "interactions", {"users": 1}, "it has no 'interactions.items', expected one"),
    ("features", "spaces", None, "it has no 'spaces', expected one"),
    ("features", "spaces", {"x": {}}, "it has no 'spaces.x.modality', expected one"),
    ("features", "shards", {}, "'shards' is {}, expected a valid array"),
    ("features", "fingerprint", 7, "'fingerprint' is 7, expected a valid string"),
    ("features", "seconds", {"read": "long"}, "'seconds.read' is \"long\", expected a valid number"),
    ("model", "test", None, "it has no 'test', expected one"),
    ("model", "test", {"recall@20": "high"}, "'test.recall@20' is \"high\", expected a valid number"),
    ("model", "seeds", [{"seed": 0}], "it has no 'seeds.0.best_epoch', expected one"),
    ("ica", "valid_loss", None, "it has no 'valid_loss', expected one"),
    ("ica", "probe", [{"tokens": 1}], "'probe.0.tokens' is 1, expected a valid string"),
    ("export", "files", None, "it has no 'files', expected one"),
    ("export", "rows", 1.5, "'rows' is 1.5, expected a valid integer"),
    ("scores", "scores", None, "scores: Field required"),
    ("scores", "scores", [{}], r"scores\.0\.feature_set: Field required"),
]


@pytest.mark.parametrize(("kind", "field", "value", "message"), DAMAGED)
def test_a_damaged_manifest_is_named_with_the_field_what_was_found_and_what_was_expected(
    shop, tmp_path, kind, field, value, message
):
    name, opened = KINDS[kind]
    path = shop / name
    whole = path.read_bytes()
    document = read_json(path)
    if value is None:
        del document[field]
    else:
        document[field] = value
    try:
        write_json(path, document)
        with pytest.raises(InputError, match=f"{path.name}: .*{message}"):
            opened(path)
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_no_object_is_named(shop, kind):
    name, opened = KINDS[kind]
    path = shop / name
    whole = path.read_bytes()
    try:
        path.write_text("[]")
        with pytest.raises(InputError, match=f"{path.name} holds a JSON list, expected an object"):
            opened(path)
    finally:
        path.write_bytes(whole)


def test_of_many_faults_three_are_named_and_the_rest_counted(tmp_path):
    write_json(tmp_path / "manifest.json", {"model": "alignrec"})
    with pytest.raises(
        InputError, match=r"expected one and 12 more\. Expected what 'featurizer train' writes"
    ):
        read_model_manifest(tmp_path / "manifest.json")


def manifests(shop):
    return {
        "catalog": Catalog.open(shop / "catalog").manifest,
        "features": FeatureSet.open(shop / "features").manifest,
        "arrays": FeatureSet.open(shop / "ica" / "features").manifest,
        "model": Model.open(shop / "model").summary,
        "ica": open_pretrained(shop / "ica").manifest,
        "export": read_sidecar(shop / "export"),
    }


def test_a_manifest_comes_back_as_it_stands_in_its_file(shop):
    read = manifests(shop)
    for kind, (name, _) in KINDS.items():
        if kind in read:
            assert read[kind].document() == read_json(shop / name), kind


def test_what_a_newer_version_adds_is_kept_wherever_it_stands(tmp_path):
    document = recommender_manifest(added={"by": ["a newer version"]})
    document["seeds"][0]["added"] = 1
    document["over_seeds"]["test"]["recall@20"]["median"] = 0.5
    write_json(tmp_path / "manifest.json", document)
    assert read_model_manifest(tmp_path / "manifest.json").document() == document


def unknown(record, prefix=""):
    """Yield the dotted names of what a record holds and its type does not know."""
    yield from (prefix + name for name in record.model_extra)
    for name in type(record).model_fields:
        value = getattr(record, name)
        parts = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        for key, part in [("", value), *parts]:
            if isinstance(part, Record):
                yield from unknown(part, f"{prefix}{name}.{key}.")


def test_what_stages_write_is_known_to_the_types(shop):
    # an encoder's own name stands beside the space that is called after it
    known = {"spaces.color_image.name", "spaces.letter_text.name"}
    for kind, manifest in manifests(shop).items():
        assert set(unknown(manifest)) - known == set(), kind


def test_a_manifest_says_whether_its_fingerprint_is_its_configurations(shop):
    for kind, manifest in manifests(shop).items():
        assert manifest.fits_its_config, kind
        assert not manifest.model_copy(update={"config": {"other": 1}}).fits_its_config


def test_a_manifest_is_frozen(shop):
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        Catalog.open(shop / "catalog").manifest.rows = 7


def test_the_two_kinds_of_models_are_told_apart_by_what_they_say_of_themselves(shop):
    found = [read_model_manifest(shop / kind / "model" / "manifest.json") for kind in ("model", "ica")]
    assert [isinstance(one, RecommenderManifest) for one in found] == [True, False]


def test_provenance_that_a_manifest_could_not_hold_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(InputError, match=r"^x_text: 'model' is 7, expected a valid string"):
        write_arrays(tmp_path / "f", list("abcdef"), [space(model=7)])
    assert not (tmp_path / "f").exists()


def test_a_source_that_a_manifest_could_not_hold_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(InputError, match=r"^the source: 'license' is 7, expected a valid string"):
        write_arrays(tmp_path / "f", list("abcdef"), [space()], source={"license": 7})
    assert not (tmp_path / "f").exists()


def test_a_model_whose_terms_were_on_names_them():
    objective = {"contrastive": 0.5, "copurchase": 0.0, "cls": 1.0}
    manifest = IcaManifest(
        **alignment_manifest({"options": {"objective": objective}}, masked_accuracy=[], probe=[])
    )
    assert manifest.terms == {"contrastive": 0.5}
