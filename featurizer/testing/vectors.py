"""The contract of an `Encoder`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from unittest import SkipTest

import numpy as np

from featurizer.encoders.base import AnyEncoder, EncoderSpec, Pair, TextLoss, Vectors
from featurizer.testing.samples import (
    assert_close,
    encode_all,
    prepare_input,
    sample_images,
    sample_inputs,
    sample_texts,
)


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
        return sample_inputs(self.make_encoder().spec)

    def reference(self) -> Vectors | None:
        """Return what the model's own library gives for the sample inputs, called as its documentation recommends.

        Whatever the checkpoint declares belongs to it: pooling, normalization, the prompt of documents, padding.
        None where the encoder is its own library; `test_vectors_are_those_of_the_models_own_library` is then skipped.
        """
        return None

    def test_the_specification_is_complete(self) -> None:
        """Every field that a reader needs to make the vectors again is filled in, and is JSON."""
        spec = self.make_encoder().spec
        assert isinstance(spec, EncoderSpec)
        for name in ("name", "family", "model", "source", "weight_hash", "pooling", "preprocessing"):
            assert getattr(spec, name), f"spec.{name} is empty"
        assert spec.modality in ("image", "text", "both"), f"unknown modality {spec.modality!r}"
        assert spec.dim > 0, f"spec.dim is {spec.dim}"
        assert spec.images is None or spec.modality != "text", "spec.images is set, and no picture is read"
        json.dumps({**asdict(spec), "preprocessing": dict(spec.preprocessing)}, allow_nan=False)

    def test_vectors_are_finite_float32_of_the_promised_shape(self) -> None:
        """`encode` returns (b, dim) float32 without NaN or infinity."""
        encoder = self.make_encoder()
        vectors = encode_all(encoder, self.sample_inputs())
        assert isinstance(vectors, np.ndarray), f"encode returned a {type(vectors).__name__}"
        assert vectors.shape == (len(self.sample_inputs()), encoder.spec.dim)
        assert vectors.dtype == np.float32
        assert np.isfinite(vectors).all(), "some entries are NaN or infinite"

    def test_vectors_are_those_of_the_models_own_library(self) -> None:
        """Nothing that a checkpoint declares is left out on the way."""
        expected = self.reference()
        if expected is None:
            raise SkipTest("no library to compare with; write reference where there is one")
        assert_close(encode_all(self.make_encoder(), self.sample_inputs()), expected)

    def test_vectors_have_length_1_exactly_where_the_specification_says_so(self) -> None:
        """`spec.normalized` is what cosine, dot product and whoever scales the vectors go by."""
        encoder = self.make_encoder()
        lengths = np.linalg.norm(encode_all(encoder, self.sample_inputs()), axis=1)
        assert encoder.spec.normalized == np.allclose(lengths, 1, atol=1e-3), f"the lengths are {lengths}"

    def test_what_is_not_read_of_a_text_is_counted(self) -> None:
        """What follows a text that `losses` calls cut changes nothing; what follows another text does."""
        encoder = self.make_encoder()
        losses: Callable[[Sequence[str]], Sequence[TextLoss]] | None = getattr(encoder, "losses", None)
        if encoder.spec.modality != "text" or losses is None:
            raise SkipTest(
                "the encoder reads no texts, or cannot say what it leaves out; see LoadedEncoder.losses"
            )
        texts = [text for text in sample_texts() if text.isascii() and text]
        longer = encode_all(encoder, [f"{text} and more" for text in texts])
        same = np.isclose(encode_all(encoder, texts), longer, rtol=1e-6, atol=1e-6).all(axis=1)
        found = losses(texts)
        assert len(found) == len(texts), f"{len(texts)} texts, {len(found)} losses"
        assert [loss.cut for loss in found] == same.tolist()
        assert len(losses([])) == 0

    def test_every_part_of_an_item_counts(self) -> None:
        """A vector of both is that of neither alone, and of several pictures none is left out."""
        encoder = self.make_encoder()
        of_parts = encoder.spec.modality == "both" or encoder.spec.images is not None
        if not of_parts or encoder.spec.mask is not None:
            raise SkipTest("the encoder reads one picture, or one text, of an item")
        whole, parts = self._item_and_its_parts(encoder.spec)
        vectors = encode_all(encoder, [whole, *parts])
        for part, vector in zip(parts, vectors[1:], strict=True):
            assert not np.allclose(vector, vectors[0], atol=1e-6), f"{part} alone has the vector of {whole}"

    @staticmethod
    def _item_and_its_parts(spec: EncoderSpec) -> tuple[object, list[object]]:
        pictures, text = sample_images()[: 1 if spec.images is None else 3], sample_texts()[0]
        fewer = [pictures[:place] + pictures[place + 1 :] for place in range(len(pictures))]
        if spec.modality == "image":
            return pictures, list(fewer)
        left = [Pair.of(some, text) for some in fewer]
        return Pair.of(pictures, text), [Pair.of(pictures, None), *left]

    def test_an_empty_batch_gives_no_rows(self) -> None:
        """`encode([])` returns (0, dim) float32."""
        encoder = self.make_encoder()
        vectors = encoder.encode([])
        assert vectors.shape == (0, encoder.spec.dim)
        assert vectors.dtype == np.float32

    def test_different_inputs_give_different_vectors(self) -> None:
        """The encoder looks at its input."""
        vectors = encode_all(self.make_encoder(), self.sample_inputs())
        assert len(np.unique(vectors, axis=0)) > 1, "every input has the same vector"

    def test_the_same_input_gives_the_same_vector_twice(self) -> None:
        """Nothing in `prepare` or `encode` is random, not even for a second instance."""
        inputs = self.sample_inputs()
        encoder = self.make_encoder()
        first = encode_all(encoder, inputs)
        np.testing.assert_array_equal(first, encode_all(encoder, inputs))
        np.testing.assert_array_equal(first, encode_all(self.make_encoder(), inputs))

    def test_vectors_do_not_depend_on_the_batch_size(self) -> None:
        """One at a time or all at once: the same rows."""
        encoder, inputs = self.make_encoder(), self.sample_inputs()
        single = np.concatenate([encode_all(encoder, [value]) for value in inputs])
        assert_close(encode_all(encoder, inputs), single)

    def test_vectors_do_not_depend_on_the_order(self) -> None:
        """Reversed inputs give reversed rows."""
        encoder, inputs = self.make_encoder(), self.sample_inputs()
        backwards = encode_all(encoder, inputs[::-1])[::-1]
        assert_close(encode_all(encoder, inputs), backwards)

    def test_prepare_may_run_on_many_threads(self) -> None:
        """Items prepared at the same time give the vectors of items prepared one after the other."""
        encoder, inputs = self.make_encoder(), self.sample_inputs()
        with ThreadPoolExecutor(max_workers=8) as pool:
            prepared = list(pool.map(partial(prepare_input, encoder), list(inputs) * 4))
        assert_close(encoder.encode(prepared), np.tile(encode_all(encoder, inputs), (4, 1)))
