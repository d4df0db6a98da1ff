"""The contracts that an encoder of anybody's has to keep; inherit them in a test to check yours.

class TestMyEncoder(EncoderContract):
    def make_encoder(self) -> AnyEncoder:
        return load(EncoderRequest(name="mine", model="…"))[0]
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import numpy as np
from PIL import Image

from featurizer.encoders.base import AnyEncoder, EncoderSpec, Vectors

TOLERANCE = 1e-5
"""How far a vector's entries may differ between two batches: absolutely, or relative to the entry."""


class EncoderContract:
    """What extraction relies on; every check is one test.

    Subclass it in a test module, name the class `Test…`, and write `make_encoder`. It is called once a
    test: return one that a fixture or a cache keeps where loading is slow.
    """

    def make_encoder(self) -> AnyEncoder:
        """Return the encoder under test, computing in float32."""
        raise NotImplementedError("write make_encoder in your subclass of EncoderContract")

    def sample_inputs(self) -> Sequence[object]:
        """Return at least three different inputs; replace it when the encoder needs others."""
        return sample_images() if self.make_encoder().spec.modality == "image" else sample_texts()

    def test_the_specification_is_complete(self) -> None:
        """Every field that a reader needs to make the vectors again is filled in, and is JSON."""
        spec = self.make_encoder().spec
        assert isinstance(spec, EncoderSpec)
        for name in ("name", "family", "model", "source", "weight_hash", "pooling", "preprocessing"):
            assert getattr(spec, name), f"spec.{name} is empty"
        assert spec.modality in ("image", "text"), f"unknown modality {spec.modality!r}"
        assert spec.dim > 0, f"spec.dim is {spec.dim}"
        assert spec.space == f"{spec.name}_{spec.modality}"
        json.dumps({**asdict(spec), "preprocessing": dict(spec.preprocessing)}, allow_nan=False)

    def test_vectors_are_finite_float32_of_the_promised_shape(self) -> None:
        """`encode` returns (b, dim) float32 without NaN or infinity."""
        encoder = self.make_encoder()
        vectors = _encode(encoder, self.sample_inputs())
        assert isinstance(vectors, np.ndarray), f"encode returned a {type(vectors).__name__}"
        assert vectors.shape == (len(self.sample_inputs()), encoder.spec.dim)
        assert vectors.dtype == np.float32
        assert np.isfinite(vectors).all(), "some entries are NaN or infinite"

    def test_an_empty_batch_gives_no_rows(self) -> None:
        """`encode([])` returns (0, dim) float32."""
        encoder = self.make_encoder()
        vectors = encoder.encode([])
        assert vectors.shape == (0, encoder.spec.dim)
        assert vectors.dtype == np.float32

    def test_different_inputs_give_different_vectors(self) -> None:
        """The encoder looks at its input."""
        vectors = _encode(self.make_encoder(), self.sample_inputs())
        assert len(np.unique(vectors, axis=0)) > 1, "every input has the same vector"

    def test_the_same_input_gives_the_same_vector_twice(self) -> None:
        """Nothing in `prepare` or `encode` is random, not even for a second instance."""
        inputs = self.sample_inputs()
        encoder = self.make_encoder()
        first = _encode(encoder, inputs)
        np.testing.assert_array_equal(first, _encode(encoder, inputs))
        np.testing.assert_array_equal(first, _encode(self.make_encoder(), inputs))

    def test_vectors_do_not_depend_on_the_batch_size(self) -> None:
        """One at a time or all at once: the same rows."""
        encoder, inputs = self.make_encoder(), self.sample_inputs()
        single = np.concatenate([_encode(encoder, [value]) for value in inputs])
        _assert_close(_encode(encoder, inputs), single)

    def test_vectors_do_not_depend_on_the_order(self) -> None:
        """Reversed inputs give reversed rows."""
        encoder, inputs = self.make_encoder(), self.sample_inputs()
        backwards = _encode(encoder, inputs[::-1])[::-1]
        _assert_close(_encode(encoder, inputs), backwards)

    def test_prepare_may_run_on_many_threads(self) -> None:
        """Items prepared at the same time give the vectors of items prepared one after the other."""
        encoder, inputs = self.make_encoder(), self.sample_inputs()
        with ThreadPoolExecutor(max_workers=8) as pool:
            prepared = list(pool.map(encoder.prepare, list(inputs) * 4))
        _assert_close(encoder.encode(prepared), np.tile(_encode(encoder, inputs), (4, 1)))


def sample_images() -> list[Image.Image]:
    """Return RGB pictures of several shapes, made from a seed."""
    rng = np.random.default_rng(0)
    shapes = [(64, 64), (90, 40), (33, 71), (7, 5)]
    return [
        Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)) for height, width in shapes
    ]


def sample_texts() -> list[str]:
    """Return texts of several lengths: empty, short, beyond ASCII, past most token limits."""
    return ["red cotton dress", "", "Schön, 100 % Wolle — 日本 🧶", "a long coat for cold days " * 60]


def _encode(encoder: AnyEncoder, inputs: Sequence[object]) -> Vectors:
    return encoder.encode([encoder.prepare(value) for value in inputs])


def _assert_close(found: Vectors, expected: Vectors) -> None:
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE)
