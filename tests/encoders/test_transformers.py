import functools

import numpy as np
import pytest
import torch
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

from featurizer.encoders.base import EncoderRequest
from featurizer.encoders.families.transformers.encoder import load
from featurizer.errors import InputError, ModelUnavailable
from featurizer.testing import EncoderContract, sample_images, sample_texts

TEXTS = ["red dress", "", "a long coat for cold days " * 9]


def vectors(encoder, inputs):
    return encoder.encode([encoder.prepare(value) for value in inputs])


def request(folder, **changes):
    return EncoderRequest(name="small", model=str(folder), **changes)


@functools.cache
def loaded(folder, pooling):
    return load(request(folder, pooling=pooling))


def pixels(folder):
    processor = AutoImageProcessor.from_pretrained(folder)
    return processor(images=sample_images(), return_tensors="pt")["pixel_values"]


@torch.inference_mode()
def output(folder, **inputs):
    return AutoModel.from_pretrained(folder)(**inputs)


class FolderContract(EncoderContract):
    name = ""
    side = 0
    pooling = None

    @pytest.fixture(autouse=True)
    def _folder(self, checkpoint):
        self.folder = checkpoint(self.name)

    def make_encoder(self):
        return loaded(self.folder, self.pooling)[self.side]


class TestViT(FolderContract):
    name = "vit"


class TestViTMean(FolderContract):
    name = "vit"
    pooling = "mean"


class TestDinov2(FolderContract):
    name = "dinov2"


class TestBeit(FolderContract):
    name = "beit"


class TestBert(FolderContract):
    name = "bert"


class TestBertCls(FolderContract):
    name = "bert"
    pooling = "cls"


class TestRoberta(FolderContract):
    name = "roberta"


class TestClipImage(FolderContract):
    name = "clip"


class TestClipText(FolderContract):
    name = "clip"
    side = 1


class TestSiglipImage(FolderContract):
    name = "siglip"


class TestSiglipText(FolderContract):
    name = "siglip"
    side = 1


@pytest.mark.parametrize("name", ["vit", "vit_without_pooler", "dinov2"])
def test_models_with_a_class_token_give_its_last_state(checkpoint, name):
    folder = checkpoint(name)
    (encoder,) = load(request(folder))
    expected = output(folder, pixel_values=pixels(folder)).last_hidden_state[:, 0]
    assert encoder.spec.pooling == "cls"
    np.testing.assert_allclose(vectors(encoder, sample_images()), expected, rtol=0, atol=1e-5)


def test_mean_pooling_of_a_vision_model_leaves_the_class_token_out(checkpoint):
    folder = checkpoint("vit")
    (encoder,) = load(request(folder, pooling="mean"))
    expected = output(folder, pixel_values=pixels(folder)).last_hidden_state[:, 1:].mean(dim=1)
    np.testing.assert_allclose(vectors(encoder, sample_images()), expected, rtol=0, atol=1e-5)


def test_pooler_pooling_gives_the_models_pooler_output(checkpoint):
    folder = checkpoint("vit")
    (encoder,) = load(request(folder, pooling="pooler"))
    expected = output(folder, pixel_values=pixels(folder)).pooler_output
    np.testing.assert_allclose(vectors(encoder, sample_images()), expected, rtol=0, atol=1e-5)


def test_a_fine_tuned_beit_gives_its_own_normalized_patch_mean(checkpoint):
    folder = checkpoint("beit")
    (encoder,) = load(request(folder))
    expected = output(folder, pixel_values=pixels(folder)).pooler_output
    assert encoder.spec.pooling == "pooler"
    np.testing.assert_allclose(vectors(encoder, sample_images()), expected, rtol=0, atol=1e-5)


def test_a_checkpoint_without_the_pooling_layer_is_refused_only_when_it_is_asked_for(checkpoint):
    folder = checkpoint("vit_without_pooler")
    with pytest.raises(ModelUnavailable, match=r"lacks 2 weights .*pooler.*Choose another pooling"):
        load(request(folder, pooling="pooler"))
    hashes = {load(request(folder))[0].spec.weight_hash for _ in range(2)}
    assert len(hashes) == 1


def test_text_models_average_the_tokens_under_the_attention_mask(checkpoint):
    folder = checkpoint("bert")
    (encoder,) = load(request(folder))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for text, vector in zip(TEXTS, vectors(encoder, TEXTS), strict=True):
        tokens = tokenizer(text, truncation=True, max_length=40, return_tensors="pt")
        expected = output(folder, **tokens).last_hidden_state[0].mean(dim=0)
        np.testing.assert_allclose(vector, expected, rtol=0, atol=1e-5)
    assert encoder.spec.pooling == "mean"
    assert encoder.spec.preprocessing["token_limit"] == 40


def test_cls_pooling_of_a_text_model_gives_the_first_token(checkpoint):
    folder = checkpoint("bert")
    (encoder,) = load(request(folder, pooling="cls"))
    tokens = AutoTokenizer.from_pretrained(folder)(
        TEXTS, padding=True, truncation=True, max_length=40, return_tensors="pt"
    )
    expected = output(folder, **tokens).last_hidden_state[:, 0]
    np.testing.assert_allclose(vectors(encoder, TEXTS), expected, rtol=0, atol=1e-5)


def test_a_prompt_stands_before_every_text_and_in_the_specification(checkpoint):
    folder = checkpoint("bert")
    (plain,), (prompted,) = load(request(folder)), load(request(folder, prompt="passage: "))
    expected = vectors(plain, [f"passage: {text}" for text in TEXTS])
    np.testing.assert_array_equal(vectors(prompted, TEXTS), expected)
    assert prompted.spec.preprocessing["prompt"] == "passage: "


def test_a_position_table_behind_the_padding_index_bounds_the_tokens(checkpoint):
    (encoder,) = load(request(checkpoint("roberta")))
    assert encoder.spec.preprocessing["token_limit"] == 24 - 2
    assert vectors(encoder, ["x" * 100]).shape == (1, 32)


@pytest.mark.parametrize(("name", "padding"), [("clip", True), ("siglip", "max_length")])
def test_dual_models_give_their_projected_features_without_normalizing(checkpoint, name, padding):
    folder = checkpoint(name)
    image, text = load(request(folder))
    model, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    tokens = tokenizer(TEXTS, padding=padding, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        of_images = model.get_image_features(pixel_values=pixels(folder)).pooler_output
        of_texts = model.get_text_features(**tokens).pooler_output
    np.testing.assert_allclose(vectors(image, sample_images()), of_images, rtol=0, atol=1e-5)
    np.testing.assert_allclose(vectors(text, TEXTS), of_texts, rtol=0, atol=1e-5)
    assert [side.spec.space for side in (image, text)] == ["small_image", "small_text"]
    assert not image.spec.normalized
    assert not np.allclose(np.linalg.norm(of_texts, axis=1), 1, atol=0.01)


def test_only_the_sides_asked_for_are_built(checkpoint):
    (encoder,) = load(request(checkpoint("clip"), modalities=("text",)))
    assert encoder.spec.modality == "text"


def test_the_preprocessing_is_recorded(checkpoint):
    (encoder,) = load(request(checkpoint("vit")))
    recorded = encoder.spec.preprocessing
    assert recorded["processor"] == "ViTImageProcessor"
    assert recorded["backend"] in ("torchvision", "pil")
    assert recorded["size"] == {"height": 32, "width": 32}
    assert recorded["interpolation"] == "bilinear"
    assert recorded["mean"] == [0.5, 0.5, 0.5]


def test_half_precision_computes_in_it_and_returns_float32(checkpoint):
    folder = checkpoint("vit")
    (full,), (half,) = load(request(folder)), load(request(folder, dtype="bfloat16"))
    found, expected = vectors(half, sample_images()), vectors(full, sample_images())
    assert found.dtype == np.float32
    assert 0 < np.abs(found - expected).max() < 0.1
    assert half.spec.weight_hash == full.spec.weight_hash


@pytest.mark.parametrize("changes", [{"modalities": ("text",)}, {"pooling": "max"}])
def test_what_a_vision_model_cannot_do_is_refused(checkpoint, changes):
    with pytest.raises(InputError, match="expected"):
        load(request(checkpoint("vit"), **changes))


def test_a_model_that_hides_random_patches_is_refused(checkpoint):
    with pytest.raises(InputError, match=r"vit_mae .*random.* timm:vit_base_patch16_224\.mae"):
        load(request(checkpoint("vit_mae")))


def test_a_dual_model_takes_no_pooling(checkpoint):
    with pytest.raises(InputError, match="leave the pooling out"):
        load(request(checkpoint("clip"), pooling="cls"))


def test_an_incomplete_folder_is_named_with_the_layout_expected(tmp_path):
    with pytest.raises(ModelUnavailable, match=r"could not load the folder .*Expected config\.json"):
        load(request(tmp_path))


def test_sample_texts_reach_past_the_token_limit(checkpoint):
    limit = load(request(checkpoint("bert")))[0].spec.preprocessing["token_limit"]
    assert max(map(len, sample_texts())) > limit


def test_pooler_pooling_of_a_text_model_gives_its_pooler_output(checkpoint, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(checkpoint("bert"))
    config = AutoModel.from_pretrained(checkpoint("bert")).config
    for part in (AutoModel.from_config(config), tokenizer):
        part.save_pretrained(tmp_path)
    (encoder,) = load(request(tmp_path, pooling="pooler"))
    tokens = tokenizer(TEXTS, padding=True, truncation=True, max_length=40, return_tensors="pt")
    np.testing.assert_allclose(vectors(encoder, TEXTS), output(tmp_path, **tokens).pooler_output, atol=1e-5)
