"""Encoding a sample again: what a set must record for it, how near the vectors must be, and what is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest

from featurizer.encoders.resolve import load_encoders, resolve
from featurizer.errors import InputError
from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.features.encode_again import recorded_encoders, verify_sample
from featurizer.features.extract import ExtractOptions, extract
from featurizer.features.feature_set import FeatureSet
from featurizer.records import ItemRecord
from featurizer.release.exchange.import_ import import_set
from tests.support.color import encoders
from tests.support.items import make_catalog


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    items = [ItemRecord(f"i{n}", title=f"cup number {n}") for n in range(4)]
    return make_catalog(tmp_path_factory.mktemp("catalog") / "c", items)


def test_a_set_made_from_python_is_encoded_again_from_its_manifest_alone(catalog, tmp_path):
    made = extract(catalog, load_encoders(["mine=minilm"], device="cpu"), tmp_path / "f", ExtractOptions())
    assert made.manifest.requests == ["mine=minilm"]
    (again,) = recorded_encoders(FeatureSet.open(tmp_path / "f"), device="cpu")
    assert verify_sample(made, catalog, [again], sample=4) == []


def test_what_is_computed_in_half_precision_is_encoded_again_in_it(catalog, tmp_path):
    loaded = load_encoders(["minilm"], device="cpu", dtype="bfloat16")
    made = extract(catalog, loaded, tmp_path / "f", ExtractOptions())
    (again,) = recorded_encoders(made, device="cpu")
    assert again.spec == loaded[0].spec
    assert again.spec.dtype == "bfloat16"


def test_an_encoder_that_its_text_alone_does_not_describe_has_no_request():
    assert resolve("minilm").text == "minilm"
    assert resolve("minilm", prompt="query: ").text is None
    assert resolve("bert", pooling="cls").text is None


def test_the_request_plays_no_part_in_the_fingerprint(catalog, tmp_path):
    (encoder,) = load_encoders(["minilm"], device="cpu")
    made = extract(catalog, [encoder], tmp_path / "f", ExtractOptions())
    assert "request" not in made.spaces["minilm_text"]
    by_hand = replace(encoder, spec=replace(encoder.spec, request=None))
    stamp = made.shards[0].stat().st_mtime_ns
    assert extract(catalog, [by_hand], tmp_path / "f", ExtractOptions()).shards[0].stat().st_mtime_ns == stamp


def test_an_imported_set_says_that_it_cannot_be_encoded_again(catalog, tmp_path):
    np.save(tmp_path / "a.npy", np.eye(4, dtype=np.float32))
    imported = import_set(tmp_path / "a.npy", tmp_path / "f", format="npy")
    message = "was imported: its manifest names no encoder, so its items cannot be encoded again.*--sample"
    with pytest.raises(InputError, match=message):
        recorded_encoders(imported)
    with pytest.raises(
        InputError, match=r"make color_image, letter_text, but .* holds a; expected at least one"
    ):
        verify_sample(imported, catalog, encoders(), sample=1)


def test_sets_of_arrays_and_of_encoders_made_by_hand_say_so(catalog, tmp_path):
    space = ArraySpace("own", "image", np.eye(4, dtype=np.float32))
    arrays = write_arrays(tmp_path / "a", [f"i{n}" for n in range(4)], [space])
    by_hand = extract(catalog, encoders(), tmp_path / "f", ExtractOptions())
    for features in (arrays, by_hand):
        with pytest.raises(InputError, match="made from arrays or by encoders put together by hand"):
            recorded_encoders(features)


def test_encoders_of_other_spaces_are_refused_and_not_taken_for_equal(catalog, tmp_path):
    made = extract(catalog, load_encoders(["minilm"], device="cpu"), tmp_path / "f", ExtractOptions())
    with pytest.raises(InputError, match=r"make color_image, letter_text, but .* holds minilm_text"):
        verify_sample(made, catalog, encoders(), sample=1)


@pytest.mark.parametrize(
    ("stored", "near", "far"), [("float32", 0.9e-4, 1.1e-4), ("float16", 0.9e-2, 1.1e-2)]
)
def test_a_vector_may_differ_by_a_ten_thousandth_of_its_scale_and_by_a_hundredth_in_half_precision(
    catalog, tmp_path, stored, near, far
):
    letters = encoders()[1]
    made = extract(catalog, [letters], tmp_path / "f", ExtractOptions(dtype=stored))
    exact = type(letters).encode

    class Shifted(type(letters)):
        by = 0.0

        def encode(self, prepared):
            # powers of two, so that the shift is all that differs from what is stored
            rows = exact(self, prepared)
            rows[:, 1] += self.by * np.abs(rows).max(axis=1)
            return rows

    for by, found in ((near, 0), (-near, 0), (far, 4), (-far, 4)):
        shifted = Shifted(letters.spec)
        shifted.by = by
        assert len(verify_sample(made, catalog, [shifted], sample=4)) == found, by


def test_a_damaged_manifest_without_a_compute_dtype_is_encoded_in_float32(catalog, tmp_path):
    extract(catalog, load_encoders(["minilm"], device="cpu"), tmp_path / "f", ExtractOptions())
    path = tmp_path / "f" / "feature_set.json"
    manifest = json.loads(path.read_text())
    del manifest["spaces"]["minilm_text"]["compute_dtype"]
    path.write_text(json.dumps(manifest))
    (again,) = recorded_encoders(FeatureSet.open(tmp_path / "f"), device="cpu")
    assert again.spec.dtype == "float32"
