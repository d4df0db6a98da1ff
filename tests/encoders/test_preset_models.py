"""Each preset, with weights of the real architecture made small, laid out as its repository on the Hub is."""

import json

import huggingface_hub
import numpy as np
import open_clip
import pytest
import sentencepiece
import timm
import torch
from encoder_checkpoints import EYES, LETTERS, TINY, save, save_open_clip
from hub_cache import COMMIT, cached
from PIL.Image import Image
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from torch.nn.functional import normalize
from transformers import (
    AutoImageProcessor,
    AutoModel,
    AutoTokenizer,
    BertConfig,
    BertForPreTraining,
    BertModel,
    BertTokenizer,
    BitImageProcessor,
    Dinov2Config,
    Dinov2Model,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
    SiglipTokenizer,
    ViTConfig,
    ViTImageProcessor,
    ViTModel,
)

from featurizer.encoders.presets import describe_presets, preset_named
from featurizer.encoders.resolve import load, resolve
from featurizer.errors import ModelUnavailable
from featurizer.testing import sample_images, sample_texts

TEXTS = [text for text in sample_texts() if text]
CLIP = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "patch_size": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 2},
}
"""The architecture of both CLIP presets, with fewer and narrower layers."""
ABSENT = ("modules.json", "adapter_config.json", "processor_config.json", "video_preprocessor_config.json")
"""What the Hub has been asked for in vain."""


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """Return the cache of a Hub that cannot be reached."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def clip(folder, monkeypatch, architecture):
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, architecture, CLIP)
    save_open_clip(folder, open_clip.CLIP(**CLIP), CLIP)


def siglip(folder):
    folder.mkdir()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS * 20),
        model_prefix=str(folder / "spiece"),
        vocab_size=60,
        hard_vocab_limit=False,
        unk_id=2,
        bos_id=-1,
        eos_id=1,
        pad_id=0,
        minloglevel=2,
    )
    tokenizer = SiglipTokenizer(
        str(folder / "spiece.model"), model_max_length=64, model_input_names=["input_ids"]
    )
    text = {**TINY, "vocab_size": 64, "max_position_embeddings": 64}
    config = SiglipConfig(text_config=text, vision_config=EYES)
    size = {"height": 32, "width": 32}
    save(folder, SiglipModel(config), tokenizer, SiglipImageProcessor(size=size, resample=3))
    (folder / "spiece.vocab").unlink()


def dinov2(folder):
    config = Dinov2Config(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, patch_size=14, image_size=28
    )
    size = {"size": {"shortest_edge": 32}, "crop_size": {"height": 28, "width": 28}, "resample": 3}
    save(folder, Dinov2Model(config), BitImageProcessor(**size))


def vit(folder):
    save(folder, ViTModel(ViTConfig(**EYES)), ViTImageProcessor(size={"height": 32, "width": 32}))


def bert_tokenizer():
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens = [*special, *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    return BertTokenizer(vocab=vocabulary, do_lower_case=True, model_max_length=64)


def bert_config():
    return BertConfig(**TINY, vocab_size=len(bert_tokenizer()), max_position_embeddings=64)


def bert(folder):
    save(folder, BertForPreTraining(bert_config()), bert_tokenizer())


def pipeline(folder, *, mode, lowercase):
    """The files of e5 and bge, as versions of Sentence Transformers wrote them before their own spelling changed."""
    save(folder, BertModel(bert_config()), bert_tokenizer())
    modules = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    written = [
        {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for index, (path, kind) in enumerate(modules)
    ]
    modes = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens")
    pooling = {f"pooling_mode_{one}": one == mode for one in modes}
    files = {
        "modules.json": written,
        "sentence_bert_config.json": {"max_seq_length": 64, "do_lower_case": lowercase},
        "1_Pooling/config.json": {"word_embedding_dimension": 32, **pooling},
        "config_sentence_transformers.json": {"__version__": {"sentence_transformers": "2.2.2"}},
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content), "utf-8")


def resnet50(folder):
    folder.mkdir()
    model = timm.create_model("resnet50.a1_in1k", pretrained=False)
    save_file(model.state_dict(), folder / "model.safetensors")
    known = timm.get_pretrained_cfg("resnet50.a1_in1k").to_dict()
    written = {name: known[name] for name in ("input_size", "interpolation", "crop_pct", "mean", "std")}
    config = {
        "architecture": "resnet50",
        "num_classes": 1000,
        "num_features": 2048,
        "pretrained_cfg": written,
    }
    (folder / "config.json").write_text(json.dumps(config), "utf-8")


def found(name):
    """Return a preset's vectors of the samples by modality, and its specifications."""
    encoders = load(resolve(name))
    inputs = {"image": sample_images(), "text": TEXTS}
    vectors = {
        encoder.spec.modality: encoder.encode(list(map(encoder.prepare, inputs[encoder.spec.modality])))
        for encoder in encoders
    }
    return vectors, encoders[0].spec


def pixels(folder):
    return AutoImageProcessor.from_pretrained(folder)(images=sample_images(), return_tensors="pt")[
        "pixel_values"
    ]


def assert_equal(vectors, expected):
    np.testing.assert_allclose(vectors, expected.numpy(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["clip", "clip-l14"])
def test_clip_gives_what_open_clip_gives(hub, tmp_path, monkeypatch, name):
    architecture, tag = preset_named(name).preset.model.split("/")
    clip(tmp_path / "model", monkeypatch, architecture)
    repo = open_clip.get_pretrained_cfg(architecture, tag)["hf_hub"].rstrip("/")
    cached(hub, repo, tmp_path / "model")
    vectors, spec = found(name)
    model, _, transform = open_clip.create_model_and_transforms(architecture, pretrained=tag)
    model.eval()
    with torch.inference_mode():
        images: list[Image] = sample_images()
        assert_equal(vectors["image"], model.encode_image(torch.stack([transform(one) for one in images])))
        assert_equal(vectors["text"], model.encode_text(open_clip.get_tokenizer(architecture)(TEXTS)))
    assert spec.revision == COMMIT


def test_siglip_gives_the_features_of_texts_padded_to_the_full_length(hub, tmp_path):
    siglip(tmp_path / "model")
    folder = cached(hub, "google/siglip-base-patch16-224", tmp_path / "model", lacks=ABSENT)
    vectors, spec = found("siglip")
    model, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert type(tokenizer).__name__ == "SiglipTokenizer"
    tokens = tokenizer(TEXTS, padding="max_length", truncation=True, return_tensors="pt")
    assert list(tokens) == ["input_ids"]
    with torch.inference_mode():
        assert_equal(vectors["text"], model.get_text_features(**tokens).pooler_output)
        assert_equal(vectors["image"], model.get_image_features(pixel_values=pixels(folder)).pooler_output)
    assert spec.revision == COMMIT


@pytest.mark.parametrize(
    ("name", "make", "repo"),
    [("dinov2", dinov2, "facebook/dinov2-base"), ("vit", vit, "google/vit-base-patch16-224-in21k")],
)
def test_vision_transformers_give_the_last_state_of_their_class_token(hub, tmp_path, name, make, repo):
    make(tmp_path / "model")
    folder = cached(hub, repo, tmp_path / "model", lacks=ABSENT)
    vectors, _ = found(name)
    with torch.inference_mode():
        states = AutoModel.from_pretrained(folder)(pixel_values=pixels(folder)).last_hidden_state
    assert_equal(vectors["image"], states[:, 0])


def test_bert_gives_the_mean_of_the_tokens_of_a_text(hub, tmp_path):
    bert(tmp_path / "model")
    folder = cached(hub, "google-bert/bert-base-uncased", tmp_path / "model", lacks=ABSENT)
    vectors, _ = found("bert")
    model, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    tokens = tokenizer(TEXTS, padding=True, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        states = model(**tokens).last_hidden_state
    mask = tokens["attention_mask"].unsqueeze(-1)
    assert_equal(vectors["text"], (states * mask).sum(dim=1) / mask.sum(dim=1))


@pytest.mark.parametrize(
    ("name", "mode", "lowercase", "prompt"),
    [("e5", "mean_tokens", False, "passage: "), ("bge", "cls_token", True, "")],
)
def test_text_pipelines_give_what_both_libraries_give(hub, tmp_path, name, mode, lowercase, prompt):
    pipeline(tmp_path / "model", mode=mode, lowercase=lowercase)
    folder = cached(hub, preset_named(name).preset.model, tmp_path / "model", lacks=ABSENT[1:])
    vectors, spec = found(name)
    model, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    texts = [prompt + text for text in TEXTS]
    tokens = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        states = model(**tokens).last_hidden_state
    mask = tokens["attention_mask"].unsqueeze(-1)
    pooled = states[:, 0] if mode == "cls_token" else (states * mask).sum(dim=1) / mask.sum(dim=1)
    assert_equal(vectors["text"], normalize(pooled, dim=-1))
    whole = SentenceTransformer(str(folder), device="cpu").encode(texts, convert_to_tensor=True)
    assert_equal(vectors["text"], whole)
    (other,) = load(resolve(f"transformers:{preset_named(name).preset.model}", prompt=prompt))
    np.testing.assert_allclose(other.encode(TEXTS), vectors["text"], rtol=0, atol=1e-5)
    assert (spec.normalized, spec.revision) == (True, COMMIT)


def test_resnet50_gives_what_timm_gives(hub, tmp_path):
    resnet50(tmp_path / "model")
    cached(hub, "timm/resnet50.a1_in1k", tmp_path / "model")
    vectors, _ = found("resnet50")
    model = timm.create_model("resnet50.a1_in1k", pretrained=True, num_classes=0).eval()
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model), is_training=False)
    with torch.inference_mode():
        expected = model(torch.stack([transform(one) for one in sample_images()]))
    assert_equal(vectors["image"], expected)


def test_no_preset_is_left_out():
    here = {"clip", "clip-l14", "siglip", "dinov2", "vit", "bert", "e5", "bge", "resnet50"}
    recent = {  # test_recent_preset_models
        "multilingual-e5", "bge-m3", "qwen3-embedding", "embeddinggemma", "qwen3-vl-embedding", "dinov3", "siglip2",
        "marqo-ecommerce-b", "marqo-ecommerce-l",
    }  # fmt: skip
    real = {
        one.preset.name for one in describe_presets() if one.preset.wheel
    }  # test_timm, test_sentence_transformers
    assert here | recent | real == {one.preset.name for one in describe_presets()}


@pytest.mark.parametrize("lacks", [(), ("modules.json",)])
def test_a_presets_model_is_taken_to_declare_nothing_where_the_hub_cannot_be_asked(
    hub, tmp_path, caplog, lacks
):
    bert(tmp_path / "model")
    cached(hub, "google-bert/bert-base-uncased", tmp_path / "model", lacks=lacks)
    load(resolve("bert"))
    told = "transformers:google-bert/bert-base-uncased: the Hub could not be asked for modules.json"
    assert (told in caplog.text) == (not lacks)


@pytest.mark.parametrize("pooling", [None, "mean"])
def test_a_model_is_refused_where_the_hub_cannot_be_asked_what_it_declares(hub, tmp_path, pooling):
    bert(tmp_path / "model")
    cached(hub, "org/plain", tmp_path / "model")
    told = (
        "transformers:org/plain: the Hub could not be asked for modules.json, .* Load it once with a network"
    )
    with pytest.raises(ModelUnavailable, match=told):
        load(resolve("transformers:org/plain", pooling=pooling))


def test_sentence_transformers_makes_up_no_pipeline_where_the_hub_cannot_be_asked(hub, tmp_path):
    bert(tmp_path / "model")
    cached(hub, "org/plain", tmp_path / "model")
    told = r"sentence-transformers:org/plain: the Hub could not be asked for modules\.json"
    with pytest.raises(ModelUnavailable, match=told):
        load(resolve("sentence-transformers:org/plain"))


@pytest.mark.parametrize("family", ["transformers", "sentence-transformers"])
@pytest.mark.parametrize(
    "name", ["sentence_bert_config.json", "config_sentence_transformers.json", "1_Pooling/config.json"]
)
def test_every_file_that_declares_something_must_be_known(hub, tmp_path, family, name):
    pipeline(tmp_path / "model", mode="mean_tokens", lowercase=True)
    cached(hub, "org/piped", tmp_path / "model", lacks=("adapter_config.json",))
    load(resolve(f"{family}:org/piped"))
    (hub / "models--org--piped/snapshots" / COMMIT / name).unlink()
    with pytest.raises(ModelUnavailable, match=f"could not be asked for {name}"):
        load(resolve(f"{family}:org/piped"))


@pytest.mark.parametrize("family", ["transformers", "sentence-transformers"])
def test_a_file_that_the_cache_knows_to_be_missing_declares_nothing(hub, tmp_path, family):
    pipeline(tmp_path / "model", mode="mean_tokens", lowercase=True)
    lacks = ("config_sentence_transformers.json", "adapter_config.json")
    (tmp_path / "model" / lacks[0]).unlink()
    cached(hub, "org/piped", tmp_path / "model", lacks=lacks)
    (encoder,) = load(resolve(f"{family}:org/piped"))
    assert encoder.spec.preprocessing["prompt"] == ""
