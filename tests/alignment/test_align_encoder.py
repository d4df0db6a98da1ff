"""A learned map as an encoder of new items: what it gives, what it carries, what it refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest

import featurizer as fz
from featurizer.alignment.encoder import load
from featurizer.encoders.base import EncoderRequest
from featurizer.errors import InputError
from featurizer.features.feature_set import FeatureSet
from featurizer.features.supervised import SUPERVISED, read_supervised
from tests.recipes.shop import make_shop
from tests.support.small_encoders import install


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A folder with `catalog`, `features` and `aligned`, and the small encoders installed."""
    monkeypatch.syspath_prepend(str(install(tmp_path / "site")))
    make_shop(tmp_path)
    monkeypatch.chdir(tmp_path)
    fz.ingest("items.csv", images="pictures", interactions="clicks.csv", out="catalog")
    fz.extract("catalog", encoders=["small"], device="cpu", out="features")
    fz.align("features", interactions="catalog/interactions.parquet", folds=1, ranks=[8], out="aligned")
    return tmp_path


def extracted(encoder="align:aligned", out="new", **options):
    return fz.extract("catalog", encoders=[encoder], device="cpu", out=out, **options)


def test_extracting_with_a_map_gives_the_vectors_that_align_wrote(shop):
    made = extracted()
    assert list(made.spaces) == ["aligned"]
    vectors, present = made.vectors("aligned")
    stored, there = FeatureSet.open(shop / "aligned/features").vectors("aligned")
    np.testing.assert_array_equal(present, there)
    np.testing.assert_allclose(vectors, stored, atol=1e-5)


def test_what_a_map_makes_carries_which_items_taught_it(shop):
    made = extracted()
    of_align = FeatureSet.open(shop / "aligned/features")
    assert made.spaces["aligned"].supervised == of_align.spaces["aligned"].supervised
    assert read_supervised(shop / "new" / SUPERVISED) == sorted(read_supervised(of_align.folder / SUPERVISED))
    with pytest.raises(InputError, match="cold items taught the space aligned, and how is not known here"):
        fz.score_features([made], interactions="catalog/interactions.parquet", metrics=["cold"], out="scores")


def test_supervision_survives_an_export_and_its_import(shop):
    listed = read_supervised(shop / "aligned/features" / SUPERVISED)
    fz.export("aligned/features", format="npy", out="arrays")
    back = fz.import_vectors("arrays", format="npy", out="back")
    assert back.spaces["aligned"].supervised.items == len(listed)
    assert back.spaces["small_image"].supervised is None
    assert read_supervised(back.folder / SUPERVISED) == listed
    fz.export("aligned/features", format="npy", spaces=["small_image"], out="alone")
    assert not (fz.import_vectors("alone", format="npy", out="plain").folder / SUPERVISED).exists()


def test_a_map_does_without_a_modality(shop):
    whole, masked = extracted(), extracted(out="masked", mask="image")
    assert masked.manifest.mask == "image"
    both = whole.vectors("aligned")[1] & masked.vectors("aligned")[1]
    assert both.any()
    assert not np.allclose(whole.vectors("aligned")[0][both], masked.vectors("aligned")[0][both], atol=1e-3)


def test_a_map_of_imported_vectors_says_how_new_items_go(shop):
    own = FeatureSet.open(shop / "features")
    parts = {name: own.vectors(name)[0] for name in own.spaces}
    made = fz.from_arrays(own.item_ids(), parts, modality="image", out="imported")
    fz.align(made, interactions="catalog/interactions.parquet", folds=1, ranks=[8], out="other")
    with pytest.raises(InputError, match=r"which no encoder of the feature set makes .* align that again"):
        extracted("align:other")


def test_a_map_on_features_of_other_encoders_is_refused(shop):
    path = shop / "aligned/model/manifest.json"
    manifest = json.loads(path.read_text())
    manifest["spaces"][0]["provenance"]["weight_hash"] = "f" * 64
    path.write_text(json.dumps(manifest))
    with pytest.raises(
        InputError, match=r"learned on small_.* of weights ffffffffffff .* Expected the same encoder"
    ):
        extracted()


def test_a_map_brings_its_own_pooling(shop):
    with pytest.raises(InputError, match="brings its own pooling"):
        load(EncoderRequest("aligned", str(shop / "aligned"), pooling="mean"))


def test_a_map_learned_on_means_of_pictures_takes_a_new_picture_as_the_mean_of_one(shop):
    fz.extract("catalog", encoders=["small"], images="mean", device="cpu", out="means")
    aligned = {"interactions": "catalog/interactions.parquet", "folds": 1, "ranks": [8]}
    fz.align("means", **aligned, out="of_means")
    vectors, present = extracted("align:of_means").vectors("aligned")
    stored, there = FeatureSet.open(shop / "of_means/features").vectors("aligned")
    np.testing.assert_array_equal(present, there)
    np.testing.assert_allclose(vectors, stored, atol=1e-5)
