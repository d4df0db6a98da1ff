"""The presets of recent years, with their real architectures made small, laid out as their repositories are."""

import numpy as np
import open_clip
import pytest
import torch
from encoder_checkpoints import TINY, letter_tokenizer, save, save_open_clip
from hub_cache import COMMIT, cached
from joint_checkpoints import described, dinov3, qwen3, qwen3_vl, siglip2
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, Transformer
from test_preset_models import CLIP, TEXTS, assert_equal, found, hub, pixels  # noqa: F401 - a fixture
from transformers import (
    AutoModel,
    AutoTokenizer,
    Gemma3TextConfig,
    Gemma3TextModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from featurizer.encoders.base import Pair
from featurizer.encoders.presets import describe_presets, preset_named
from featurizer.encoders.resolve import load, resolve
from featurizer.testing import sample_images

ABSENT = (
    "adapter_config.json",
    "processor_config.json",
    "preprocessor_config.json",
    "video_preprocessor_config.json",
    "router_config.json",
    "chat_template.json",
    "chat_template.jinja",
    "additional_chat_templates",
)
"""What the Hub has been asked for in vain."""


def lacking(folder, *more):
    return tuple(name for name in (*ABSENT, *more) if not (folder / name).exists())


def xlm_roberta(folder, pooling):
    torch.manual_seed(41)
    tokenizer = letter_tokenizer(limit=None)
    config = XLMRobertaConfig(
        **TINY, vocab_size=len(tokenizer), max_position_embeddings=48, pad_token_id=tokenizer.pad_token_id
    )
    save(folder, XLMRobertaModel(config), tokenizer)
    limit = {"max_seq_length": 46}
    described(folder, ("Transformer", "Pooling", "Normalize"), transformer=limit, pooling=pooling)


def gemma(folder):
    """EmbeddingGemma: it reads both ways, and two dense layers follow the mean."""
    torch.manual_seed(42)
    tokenizer = letter_tokenizer(limit=None)
    config = Gemma3TextConfig(
        **TINY,
        vocab_size=len(tokenizer),
        num_key_value_heads=1,
        head_dim=16,
        max_position_embeddings=256,
        use_bidirectional_attention=True,
        pad_token_id=tokenizer.pad_token_id,
    )
    base = save(folder.with_name(f"{folder.name}-base"), Gemma3TextModel(config), tokenizer)
    words = Transformer(str(base), max_seq_length=256)
    dense = [Dense(32, 64, bias=False), Dense(64, 32, bias=False)]
    prompts = {"query": "task: search result | query: ", "document": "title: none | text: "}
    modules = [words, Pooling(32, pooling_mode="mean"), *dense, Normalize()]
    SentenceTransformer(modules=modules, prompts=prompts, device="cpu").save(str(folder))


TEXT_MODELS = {
    "multilingual-e5": (lambda folder: xlm_roberta(folder, "mean"), "passage: "),
    "bge-m3": (lambda folder: xlm_roberta(folder, "cls"), ""),
    "qwen3-embedding": (qwen3, ""),
    "embeddinggemma": (gemma, "title: none | text: "),
}


@pytest.mark.parametrize("name", TEXT_MODELS)
def test_models_of_texts_give_what_sentence_transformers_gives_of_documents(hub, tmp_path, name):  # noqa: F811
    make, prompt = TEXT_MODELS[name]
    make(tmp_path / "model")
    folder = cached(
        hub, preset_named(name).preset.model, tmp_path / "model", lacks=lacking(tmp_path / "model")
    )
    vectors, spec = found(name)
    whole = SentenceTransformer(str(folder), device="cpu")
    expected = whole.encode([prompt + text for text in TEXTS], prompt="", convert_to_tensor=True)
    assert_equal(vectors["text"], expected)
    assert (spec.normalized, spec.revision, spec.preprocessing["prompt"]) == (True, COMMIT, prompt)


def test_qwen3_vl_gives_pictures_texts_and_both_as_its_card_has_it(hub, tmp_path):  # noqa: F811
    qwen3_vl(tmp_path / "model")
    preset = preset_named("qwen3-vl-embedding").preset
    folder = cached(hub, preset.model, tmp_path / "model", lacks=lacking(tmp_path / "model"))
    loaded = {one.spec.modality: one for one in load(resolve("qwen3-vl-embedding"))}
    assert list(loaded) == list(preset.dims)
    assert [one.spec.space for one in loaded.values()] == list(preset.spaces)
    whole = SentenceTransformer(str(folder), device="cpu")
    pair = Pair(sample_images()[0], "a red mug")
    for side, value in (("image", pair.image), ("text", pair.text), ("both", pair)):
        document = {"image": pair.image, "text": pair.text} if side == "both" else {side: value}
        expected = whole.encode([document], prompt=preset.prompt, show_progress_bar=False)
        np.testing.assert_allclose(loaded[side].encode([loaded[side].prepare(value)]), expected, atol=1e-5)


def test_dinov3_gives_the_state_of_its_class_token(hub, tmp_path):  # noqa: F811
    dinov3(tmp_path / "model")
    repo = preset_named("dinov3").preset.model
    folder = cached(hub, repo, tmp_path / "model", lacks=lacking(tmp_path / "model", "modules.json"))
    with torch.inference_mode():
        expected = AutoModel.from_pretrained(folder)(pixel_values=pixels(folder)).pooler_output
    assert_equal(found("dinov3")[0]["image"], expected)


def test_siglip2_gives_the_features_of_texts_padded_to_the_full_length(hub, tmp_path):  # noqa: F811
    siglip2(tmp_path / "model")
    repo = preset_named("siglip2").preset.model
    folder = cached(hub, repo, tmp_path / "model", lacks=lacking(tmp_path / "model", "modules.json"))
    vectors, _ = found("siglip2")
    model, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    tokens = tokenizer(TEXTS, padding="max_length", max_length=16, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        assert_equal(vectors["text"], model.get_text_features(input_ids=tokens["input_ids"]).pooler_output)
        assert_equal(vectors["image"], model.get_image_features(pixel_values=pixels(folder)).pooler_output)


@pytest.mark.parametrize("name", ["marqo-ecommerce-b", "marqo-ecommerce-l"])
def test_marqos_models_give_what_open_clip_gives(hub, tmp_path, name):  # noqa: F811
    torch.manual_seed(43)
    save_open_clip(tmp_path / "model", open_clip.CLIP(**CLIP), CLIP)
    folder = cached(hub, preset_named(name).preset.model, tmp_path / "model")
    vectors, spec = found(name)
    model, _, transform = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    model.eval()
    with torch.inference_mode():
        pictures = torch.stack([transform(one) for one in sample_images()])
        assert_equal(vectors["image"], model.encode_image(pictures))
        assert_equal(
            vectors["text"], model.encode_text(open_clip.get_tokenizer(f"local-dir:{folder}")(TEXTS))
        )
    assert spec.revision == COMMIT


def test_every_preset_says_what_it_needs():
    for one in describe_presets():
        assert one.preset.parameters, one.preset.name
        assert one.preset.memory == 4 * one.preset.parameters
        assert bool(one.preset.languages) == ("text" in one.preset.dims), one.preset.name
    assert {one.preset.name for one in describe_presets() if one.preset.gated} == {"dinov3", "embeddinggemma"}
