"""The contracts of an `ImageTokenEncoder` and a `TextTokenEncoder`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace

import numpy as np
import torch
from PIL import Image

from featurizer.encoders.base import AnyEncoder, Vectors
from featurizer.encoders.tokens import ImageTokenEncoder, TextTokenEncoder, TokenBatch, TokenizedText
from featurizer.encoders.torch_tokens import padded
from featurizer.testing.samples import TOLERANCE, assert_close, encode_all, sample_images, sample_texts


class ImageTokenEncoderContract:
    """What inter-content alignment relies on of a picture's tokens; every check is one test.

    Write `make_tokens` and `make_encoder`, of the same model; both are called once a test.
    """

    def make_tokens(self) -> ImageTokenEncoder:
        """Return the token encoder under test, computing in float32."""
        raise NotImplementedError("write make_tokens in your subclass of ImageTokenEncoderContract")

    def make_encoder(self) -> AnyEncoder:
        """Return the encoder whose vectors `TokenBatch.pooled` holds."""
        raise NotImplementedError("write make_encoder in your subclass of ImageTokenEncoderContract")

    def test_the_token_specification_is_complete(self) -> None:
        """Grid, prefix and length agree, nothing of a tokenizer is filled in, and all of it is JSON."""
        spec = self.make_tokens().spec
        assert spec.pooled == self.make_encoder().spec
        assert spec.pooled.modality == "image"
        assert spec.grid is not None, "spec.grid is None"
        assert spec.max_tokens == spec.prefix + spec.grid[0] * spec.grid[1]
        assert spec.layers, "spec.layers is empty"
        assert (spec.vocabulary, spec.mask_id, spec.padding_id, spec.tokenizer) == (0, None, None, "")
        json.dumps(asdict(spec), allow_nan=False)

    def test_states_are_finite_float32_of_the_promised_shape(self) -> None:
        """`encode` returns (b, max_tokens, dim) states that may enter a training step."""
        tokens = self.make_tokens()
        batch = _picture_tokens(tokens)
        _assert_usable(batch, (len(sample_images()), tokens.spec.max_tokens, tokens.spec.dim))

    def test_pooled_vectors_are_the_encoders(self) -> None:
        """`pooled` is what the encoder returns for the same pictures."""
        assert_close(_array(_picture_tokens(self.make_tokens()).pooled), self._vectors())

    def test_the_states_of_a_picture_differ_from_place_to_place_and_between_pictures(self) -> None:
        """The encoder looks at its input, and not only at all of it at once."""
        states = _array(_picture_tokens(self.make_tokens()).states)
        assert len(np.unique(states[0], axis=0)) > 1, "every token of a picture has the same state"
        assert len(np.unique(states.reshape(len(states), -1), axis=0)) == len(states), "two pictures are one"

    def test_tokens_run_row_by_row_from_the_top_left(self) -> None:
        """What changes in the top right quarter of a picture changes the tokens there most."""
        tokens = self.make_tokens()
        plain = np.full((256, 256, 3), 127, np.uint8)
        marked = plain.copy()
        marked[:128, 128:] = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
        batch = tokens.encode([tokens.prepare(Image.fromarray(picture)) for picture in (plain, marked)])
        rows, columns = tokens.spec.grid or (0, 0)
        assert min(rows, columns) >= 2, "sample pictures give fewer than 2×2 patches"
        states = _array(batch.states)[:, tokens.spec.prefix :]
        change = np.linalg.norm(states[1] - states[0], axis=-1).reshape(rows, columns)
        quarters = {
            (top, left): change[_half(rows, first=top), _half(columns, first=left)].mean()
            for top in (True, False)
            for left in (True, False)
        }
        assert max(quarters, key=quarters.__getitem__) == (True, False), f"changes by quarter: {quarters}"

    def test_tokens_do_not_depend_on_the_batch(self) -> None:
        """One at a time or all at once, in any order: the same tokens."""
        tokens = self.make_tokens()
        prepared = [tokens.prepare(image) for image in sample_images()]
        together = tokens.encode(prepared[::-1])
        for row, picture in zip(range(len(prepared))[::-1], prepared, strict=True):
            alone = tokens.encode([picture])
            assert_close(_array(together.states[row]), _array(alone.states[0]))
            assert_close(_array(together.pooled[row]), _array(alone.pooled[0]))

    def test_pictures_may_be_prepared_on_many_threads(self) -> None:
        """Pictures prepared at the same time give the model the same input as one after the other."""
        tokens, images = self.make_tokens(), sample_images() * 4
        with ThreadPoolExecutor(max_workers=8) as pool:
            for image, found in zip(images, pool.map(tokens.prepare, images), strict=True):
                np.testing.assert_array_equal(_array(found), _array(tokens.prepare(image)))

    def _vectors(self) -> Vectors:
        return encode_all(self.make_encoder(), sample_images())


class TextTokenEncoderContract:
    """What inter-content alignment relies on of a text's tokens; every check is one test.

    Write `make_tokens` and `make_encoder`, of the same model; both are called once a test.
    """

    def make_tokens(self) -> TextTokenEncoder:
        """Return the token encoder under test, computing in float32."""
        raise NotImplementedError("write make_tokens in your subclass of TextTokenEncoderContract")

    def make_encoder(self) -> AnyEncoder:
        """Return the encoder whose vectors `TokenBatch.pooled` holds."""
        raise NotImplementedError("write make_encoder in your subclass of TextTokenEncoderContract")

    def test_the_token_specification_is_complete(self) -> None:
        """Every field about the tokenizer is filled in, none about a grid, and all of it is JSON."""
        spec = self.make_tokens().spec
        assert spec.pooled == self.make_encoder().spec
        assert spec.pooled.modality == "text"
        assert (spec.grid, spec.prefix) == (None, 0)
        assert spec.layers, "spec.layers is empty"
        assert spec.max_tokens > 0, f"spec.max_tokens is {spec.max_tokens}"
        assert len(spec.tokenizer) == 64, "spec.tokenizer is no sha256"
        for name in ("mask_id", "padding_id"):
            assert getattr(spec, name) in range(spec.vocabulary), f"spec.{name} is no token"
        json.dumps(asdict(spec), allow_nan=False)

    def test_texts_become_ids_with_word_numbers(self) -> None:
        """Ids are in the vocabulary, within the limit; words count up from 0, without gaps."""
        tokens = self.make_tokens()
        for text in tokens.tokenize(sample_texts()):
            assert text.ids.dtype == text.words.dtype == np.int32
            assert text.ids.shape == text.words.shape
            assert 0 < len(text.ids) <= tokens.spec.max_tokens
            assert ((text.ids >= 0) & (text.ids < tokens.spec.vocabulary)).all()
            words = text.words[text.words >= 0]
            assert (text.words >= -1).all()
            assert list(dict.fromkeys(words)) == list(range(len(set(words)))), "words are not counted from 0"

    def test_an_empty_text_has_no_words_and_others_have_several(self) -> None:
        """What can be hidden of a text is its words, never its special tokens."""
        words = {text: split.words.max() for text, split in self._split().items()}
        assert words[""] == -1
        assert words["red cotton dress"] >= 2

    def test_states_are_finite_float32_of_the_promised_shape(self) -> None:
        """`encode` returns (b, t, dim) states that may enter a training step, `embed` (b, t, e) embeddings."""
        tokens = self.make_tokens()
        ids, mask = _batch(list(self._split().values()), tokens)
        batch = tokens.encode(ids, mask)
        assert tuple(batch.states.shape) == (*ids.shape, tokens.spec.dim)
        batch.states[~mask] = 0  # arbitrary where a text is padded
        _assert_usable(batch, (*ids.shape, tokens.spec.dim))
        assert tokens.embed(ids).shape[:-1] == ids.shape
        np.testing.assert_array_equal(_array(tokens.embed(ids)[0]), _array(tokens.embed(ids[0])))

    def test_pooled_vectors_are_the_encoders(self) -> None:
        """`pooled` is what the encoder returns for the same texts."""
        tokens = self.make_tokens()
        batch = tokens.encode(*_batch(list(self._split().values()), tokens))
        assert_close(_array(batch.pooled), encode_all(self.make_encoder(), sample_texts()))

    def test_padding_and_the_batch_change_nothing(self) -> None:
        """A text alone and among longer ones: the same states and vectors."""
        tokens, split = self.make_tokens(), list(self._split().values())
        together = tokens.encode(*_batch(split, tokens))
        for row, text in enumerate(split):
            alone = tokens.encode(*_batch([text], tokens))
            assert_close(_array(together.states[row, : len(text.ids)]), _array(alone.states[0]))
            assert_close(_array(together.pooled[row]), _array(alone.pooled[0]))

    def test_a_hidden_word_is_not_known_from_any_state(self) -> None:
        """Two texts that differ in one word have the same states and vectors once it is hidden."""
        tokens = self.make_tokens()
        color, other = tokens.tokenize(["red dress", "bed dress"])
        assert color.words.max() == other.words.max()
        hidden = [_hide_first_word(text, tokens) for text in (color, other)]
        before = [tokens.encode(*_batch([text], tokens)) for text in (color, other)]
        after = [tokens.encode(*_batch([text], tokens)) for text in hidden]
        assert not np.allclose(_array(before[0].pooled), _array(before[1].pooled), atol=TOLERANCE)
        np.testing.assert_array_equal(_array(after[0].states), _array(after[1].states))
        np.testing.assert_array_equal(_array(after[0].pooled), _array(after[1].pooled))
        assert not np.allclose(_array(before[0].pooled), _array(after[0].pooled), atol=TOLERANCE)

    def _split(self) -> dict[str, TokenizedText]:
        texts = sample_texts()
        return dict(zip(texts, self.make_tokens().tokenize(texts), strict=True))


def _picture_tokens(tokens: ImageTokenEncoder) -> TokenBatch:
    return tokens.encode([tokens.prepare(image) for image in sample_images()])


def _half(length: int, *, first: bool) -> slice:
    return slice(0, length // 2) if first else slice((length + 1) // 2, length)


def _batch(texts: Sequence[TokenizedText], tokens: TextTokenEncoder) -> tuple[torch.Tensor, torch.Tensor]:
    return padded(texts, tokens.spec.padding_id or 0)


def _hide_first_word(text: TokenizedText, tokens: TextTokenEncoder) -> TokenizedText:
    """Put one mask in the place of the first word, however many pieces it has."""
    kept = text.words != 0
    kept[np.argmax(text.words == 0)] = True
    ids = np.where(text.words == 0, tokens.spec.mask_id or 0, text.ids).astype(np.int32)
    return replace(text, ids=ids[kept], words=text.words[kept])


def _assert_usable(batch: TokenBatch, shape: tuple[int, ...]) -> None:
    states, pooled = _array(batch.states), _array(batch.pooled)
    assert states.shape == shape
    assert states.dtype == pooled.dtype == np.float32
    assert np.isfinite(states).all(), "some states are NaN or infinite"
    assert np.isfinite(pooled).all(), "some vectors are NaN or infinite"
    assert not batch.states.is_inference(), "a training step cannot save tensors of torch.inference_mode"


def _array(values: torch.Tensor) -> Vectors:
    return values.cpu().numpy()
