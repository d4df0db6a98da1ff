"""Results of before the house spelled as Americans do, in the form they then had."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurizer.catalog.store import Catalog
from featurizer.errors import StaleOutput
from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.features.feature_set import FeatureSet
from featurizer.features.verify import verify
from featurizer.ica.pretrain import open_pretrained
from featurizer.recsys.model import Model
from featurizer.release.card import license_of
from featurizer.release.exchange.sidecar import read_sidecar
from featurizer.release.recard import recard
from featurizer.results.files import fingerprint, read_json, write_json
from featurizer.results.spelling import AMERICAN, american, read_manifest, record
from featurizer.results.stage import Stage
from featurizer.scoring.document import read_scores
from featurizer.scoring.summary import read_cached
from tests.support.manifests import alignment_manifest, recommender_manifest

names = st.sampled_from([*AMERICAN, *AMERICAN.values(), "spaces", "config", "x"])
values = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=9,
)


def test_keys_are_read_as_todays_however_deep():
    old = {"licence": 1, "a": [{"normalised": True, "b": {"neighbours": [2]}}], "leak": []}
    assert american(old) == {"license": 1, "a": [{"normalized": True, "b": {"neighbors": [2]}}], "probe": []}


def test_names_that_somebody_gave_stay():
    old = {"spaces": {"leak": {"licence": None}}, "columns": {"licence": "licence"}}
    assert american(old) == {"spaces": {"leak": {"license": None}}, "columns": {"licence": "licence"}}


@given(values)
def test_reading_twice_is_reading_once(value):
    assert american(american(value)) == american(value)


def test_values_stay_as_they_are():
    assert american({"model": "licence", "text": ["leak"]}) == {"model": "licence", "text": ["leak"]}


def test_the_configuration_of_a_manifest_stays_as_it_was_written(tmp_path):
    write_json(tmp_path / "m.json", {"licence": "MIT", "config": {"licence": 1}})
    assert read_manifest(tmp_path / "m.json") == {"license": "MIT", "config": {"licence": 1}}


def test_a_field_that_is_recorded_replaces_the_old_spelling_and_nothing_else(tmp_path):
    write_json(tmp_path / "m.json", {"licence": "MIT", "leak": [], "new": 1, "config": {"licence": 1}})
    record(tmp_path / "m.json", {"license": "CC0-1.0"})
    assert list(read_json(tmp_path / "m.json").items()) == [
        ("leak", []),
        ("new", 1),
        ("config", {"licence": 1}),
        ("license", "CC0-1.0"),
    ]


OLD = {"source": {"name": "shop", "licence": "MIT"}, "encoders": {"a_text": {"normalised": True}}}
NEW = {"source": {"name": "shop", "license": "MIT"}, "encoders": {"a_text": {"normalized": True}}}


def old_stage(folder, config=OLD, **more):
    folder.mkdir()
    write_json(folder / "done.json", {"fingerprint": fingerprint(config), "config": config, **more})
    return folder


def test_a_finished_folder_of_the_same_configuration_is_finished(tmp_path):
    folder = old_stage(tmp_path / "out")
    before = (folder / "done.json").read_bytes()
    assert Stage(folder, "done.json", NEW).claim(overwrite=False) is True
    assert (folder / "done.json").read_bytes() == before


def test_an_unfinished_folder_of_the_same_configuration_is_gone_on_with(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    write_json(folder / ".stage.json", {"fingerprint": fingerprint(OLD), "config": OLD})
    (folder / "part").touch()
    stage = Stage(folder, "done.json", NEW, ("part",))
    assert stage.claim(overwrite=False) is False
    assert (folder / "part").exists()
    stage.finish({})
    assert read_json(folder / "done.json")["fingerprint"] == fingerprint(NEW)


def test_a_finished_folder_of_another_configuration_is_stale_and_only_what_differs_is_named(tmp_path):
    folder = old_stage(tmp_path / "out")
    other = {**NEW, "source": {"name": "shop", "license": "CC0-1.0"}}
    with pytest.raises(
        StaleOutput, match=r'differing: source.license \("MIT" there, "CC0-1.0" asked for\)\.'
    ):
        Stage(folder, "done.json", other).claim(overwrite=False)


@pytest.mark.parametrize("recorded", ["0" * 64, None])
def test_a_folder_whose_fingerprint_is_not_its_configurations_is_stale(tmp_path, recorded):
    folder = old_stage(tmp_path / "out")
    write_json(folder / "done.json", {"fingerprint": recorded, "config": OLD})
    with pytest.raises(StaleOutput, match="its fingerprint is not that of its configuration"):
        Stage(folder, "done.json", NEW).claim(overwrite=False)


def test_an_option_that_was_not_known_then_counts_as_not_given(tmp_path):
    folder = old_stage(tmp_path / "out")
    assert Stage(folder, "done.json", {**NEW, "threads": None}).claim(overwrite=False) is True
    with pytest.raises(StaleOutput, match=r"differing: threads \(not there, 2 asked for\)"):
        Stage(folder, "done.json", {**NEW, "threads": 2}).claim(overwrite=False)


COUNTS = {"users": 1, "items": 2, "interactions": 2, "train": 2, "valid": 0, "test": 0, "density": 1.0}


def catalog_json(folder):
    (folder / "items").mkdir(parents=True)
    (folder / "items" / "part-00000.parquet").touch()
    config = {"content": {"sha256": "0" * 64}, "source": {"name": "shop", "licence": "CC-BY-4.0"}}
    (folder / "catalog.json").write_text(
        json.dumps(
            {
                "format_version": 1,
                "featurizer_version": "0.1.0",
                "source": {"name": "shop", "licence": "CC-BY-4.0"},
                "text_recipe": {"version": 1, "template": "{title}"},
                "parts": 1,
                "rows": 2,
                "columns": ["item_id"],
                "image_status": {"none": 2},
                "with_text": 2,
                "data_sha256": "1" * 64,
                "notes": {},
                "interactions": {**COUNTS, "items_without_catalogue_row": 0},
                "fingerprint": fingerprint(config),
                "config": config,
            }
        ),
        "utf-8",
    )
    return folder


def test_an_old_catalog_is_read(tmp_path):
    catalog = Catalog.open(catalog_json(tmp_path / "catalog"))
    recorded = read_json(tmp_path / "catalog" / "catalog.json")["fingerprint"]
    assert catalog.manifest.source.license == "CC-BY-4.0"
    assert catalog.manifest.interactions.items_without_catalog_row == 0
    assert catalog.identity["fingerprint"] == recorded


SHARD = {"path", "rows", "bytes", "sha256"}


def feature_set_json(folder):
    """A set of two items and one space, with the manifest that then stood beside it."""
    made = write_arrays(folder, ["a", "b"], [ArraySpace("x_text", "text", np.ones((2, 3), np.float32))])
    config = {
        "encoders": {"x_text": {"name": "x", "normalised": True, "licence": "MIT"}},
        "dtype": "float32",
        "batch_size": 8,
    }
    space = {"name": "x", "modality": "text", "dim": 3, "family": "timm", "model": "m", "revision": None}
    space |= {"source": "hub", "weight_hash": "0" * 64, "pooling": "mean", "normalised": True}
    space |= {"preprocessing": {}, "licence": "MIT", "dtype": "float32", "encoder": "x", "null": 0}
    old = {
        "format_version": 1,
        "featurizer_version": "0.1.0",
        "rows": 2,
        "with_image": 0,
        "with_text": 2,
        "failed": 0,
        "failures": {},
        "requests": ["x"],
        "mask": None,
        "spaces": {"x_text": {**space, "compute_dtype": "float32"}},
        "shards": [entry.model_dump(include=SHARD) for entry in made.manifest.shards],
        "source": {"name": "shop", "licence": "CC-BY-4.0"},
        "text_recipe": {"version": 1, "template": "{title}"},
        "catalog": {"fingerprint": "1" * 64, "data_sha256": "2" * 64},
        "device": "cpu",
        "libraries": {"torch": "2.6"},
        "seconds": {"encode": 1.5},
        "fingerprint": fingerprint(config),
        "config": config,
        "licence": "CC0-1.0",
    }
    write_json(folder / "feature_set.json", old)
    return folder


def test_an_old_feature_set_is_read_and_verified(tmp_path):
    features = FeatureSet.open(feature_set_json(tmp_path / "f"))
    assert verify(features) == []
    assert license_of(features) == "CC0-1.0"
    assert features.manifest.source.license == "CC-BY-4.0"
    assert (features.spaces["x_text"].normalized, features.spaces["x_text"].license) == (True, "MIT")


def test_an_old_feature_set_takes_a_license_and_stays_verified(tmp_path):
    folder = feature_set_json(tmp_path / "f")
    before = read_json(folder / "feature_set.json")
    recard(folder, license="Apache-2.0")
    after = read_json(folder / "feature_set.json")
    assert "licence" not in after
    assert after == {**{key: before[key] for key in before if key != "licence"}, "license": "Apache-2.0"}
    assert verify(FeatureSet.open(folder)) == []
    assert 'license: "apache-2.0"' in (folder / "README.md").read_text("utf-8")


def test_an_old_model_is_read(tmp_path):
    (tmp_path / "model").mkdir()
    old = recommender_manifest({"model": {"name": "alignrec", "neighbours": 10}}, licence="MIT")
    write_json(tmp_path / "model" / "manifest.json", old)
    model = Model.open(tmp_path)
    assert (model.name, model.summary.test, model.summary.license) == ("alignrec", {"recall@20": 0.5}, "MIT")
    assert model.summary.fits_its_config


def test_an_old_alignment_is_read(tmp_path):
    feature_set_json(tmp_path / "features")
    (tmp_path / "model").mkdir()
    probe = {"tokens": "image", "accuracy": 0.5, "majority": 0.1, "count": 4}
    old = alignment_manifest(leak=[probe], source={"name": "shop", "licence": "MIT"})
    del old["probe"]
    write_json(tmp_path / "model" / "manifest.json", old)
    manifest = open_pretrained(tmp_path).manifest
    assert [row.document() for row in manifest.probe] == [probe]
    assert manifest.source.license == "MIT"


SCORE = {
    "feature_set": "f",
    "space": "x_text",
    "transform": "none",
    "metric": "item_cf_recall",
    "split": "test",
}
SCORE |= {"k": 10, "neighbours": 20, "group": None, "modality": None, "ratio": None, "value": 0.5}
SCORE |= {"ci_low": 0.4, "ci_high": 0.6, "users": 9}


def test_old_scores_are_read(tmp_path):
    write_json(
        tmp_path / "scores.json", {"scores": [SCORE], "comparisons": [], "config": {"neighbours": [20]}}
    )
    assert [row.neighbors for row in read_scores(tmp_path / "scores.json").scores] == [20]


def test_an_old_export_is_read(tmp_path):
    space = {
        "name": "x_text",
        "file": "x.npy",
        "modality": "text",
        "dim": 3,
        "dtype": "float32",
        "fill": None,
    }
    write_json(
        tmp_path / "export.json",
        {
            "format_version": 1,
            "featurizer_version": "0.1.0",
            "format": "npy",
            "rows": 2,
            "left_out": 0,
            "added": 0,
            "interactions": None,
            "spaces": [{**space, "missing_rows": [], "provenance": {"normalised": True, "licence": "MIT"}}],
            "feature_set": {"fingerprint": "0" * 64, "source": {"name": "shop", "licence": "MIT"}},
            "files": ["x.npy"],
            "fingerprint": "1" * 64,
            "config": {"format": "npy"},
        },
    )
    sidecar = read_sidecar(tmp_path)
    assert sidecar.spaces[0].provenance == {"normalized": True, "license": "MIT"}
    assert sidecar.feature_set["source"] == {"name": "shop", "license": "MIT"}


def test_an_old_row_of_an_unfinished_leaderboard_is_read(tmp_path):
    key = {"metric": "item_cf_recall", "split": "test", "k": 10, "neighbours": 20}
    entry = {"feature_set": "f", "space": "x_text", "transform": "none"}
    head = json.dumps({"entry": entry, "rows": [SCORE], "keys": [key]})
    np.savez(tmp_path / "row.npz", np.ones(3), head=np.array(head))
    found = read_cached(tmp_path / "row.npz")
    assert [row.neighbors for row in found.rows] == [20]
    assert [one.neighbors for one in found.compared] == [20]
