import functools
import shutil

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import load_file

from featurizer.encoders.base import EncoderRequest
from featurizer.encoders.families.open_clip import encoder as family
from featurizer.errors import InputError, ModelUnavailable, UnknownName
from featurizer.testing import EncoderContract, sample_images, sample_texts


@functools.cache
def loaded(folder):
    return family.load(EncoderRequest(name="small", model=str(folder)))


def vectors(encoder, inputs):
    return encoder.encode([encoder.prepare(value) for value in inputs])


class FolderContract(EncoderContract):
    name = "open_clip_vit"
    side = 0

    @pytest.fixture(autouse=True)
    def _folder(self, checkpoint):
        self.folder = checkpoint(self.name)

    def make_encoder(self):
        return loaded(self.folder)[self.side]


class TestImage(FolderContract):
    pass


class TestText(FolderContract):
    side = 1


class TestCocaImage(FolderContract):
    name = "open_clip_coca"


class TestCocaText(FolderContract):
    name = "open_clip_coca"
    side = 1


@pytest.mark.parametrize(("name", "normalized"), [("open_clip_vit", False), ("open_clip_coca", True)])
def test_vectors_equal_the_models_own_calls(checkpoint, name, normalized):
    folder = checkpoint(name)
    image, text = loaded(folder)
    model, transform = open_clip.create_model_from_pretrained(f"local-dir:{folder}")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    model.eval()
    with torch.inference_mode():
        of_images = model.encode_image(torch.stack([transform(picture) for picture in sample_images()]))
        of_texts = model.encode_text(tokenizer(sample_texts()))
    np.testing.assert_allclose(vectors(image, sample_images()), of_images, rtol=0, atol=1e-5)
    np.testing.assert_allclose(vectors(text, sample_texts()), of_texts, rtol=0, atol=1e-5)
    for side, expected in ((image, of_images), (text, of_texts)):
        assert side.spec.normalized is normalized
        assert np.allclose(np.linalg.norm(expected, axis=1), 1, atol=1e-4) is normalized


def test_the_specification_records_preprocessing_and_source(checkpoint):
    image, text = loaded(checkpoint("open_clip_vit"))
    assert image.spec.space == "small_image"
    assert (image.spec.source, image.spec.pooling, image.spec.revision) == ("folder", "projection", None)
    assert image.spec.preprocessing["mean"] == [0.4, 0.5, 0.6]
    assert image.spec.preprocessing["interpolation"] == "bicubic"
    assert text.spec.preprocessing["token_limit"] == 77
    assert image.spec.weight_hash == text.spec.weight_hash


def test_only_the_side_asked_for_is_built(checkpoint):
    folder = str(checkpoint("open_clip_vit"))
    (encoder,) = family.load(EncoderRequest(name="small", model=folder, modalities=("text",)))
    assert encoder.spec.modality == "text"


def test_half_precision_computes_in_it_and_returns_float32(checkpoint):
    folder = str(checkpoint("open_clip_vit"))
    full = loaded(checkpoint("open_clip_vit"))
    half = family.load(EncoderRequest(name="small", model=folder, dtype="bfloat16"))
    for before, after, inputs in zip(full, half, (sample_images(), sample_texts()), strict=True):
        found = vectors(after, inputs)
        assert found.dtype == np.float32
        assert 0 < np.abs(found - vectors(before, inputs)).max() < 0.2
        assert after.spec.dtype == "bfloat16"


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("ViT-B-32/laion2b_s34b_b78k", r"open_clip tag of ViT-B-32.*laion2b_s34b_b79k"),
        ("ViT-B-32", r"open_clip tag of ViT-B-32"),
        ("ViT-B-33", r"unknown open_clip model 'ViT-B-33'.*ViT-B-32"),
    ],
)
def test_an_unknown_model_or_tag_lists_the_nearest(model, message):
    with pytest.raises(UnknownName, match=message):
        family.load(EncoderRequest(name="small", model=model))


def test_weights_trained_with_quick_gelu_get_it():
    assert family.needs_quick_gelu("ViT-B-32", "openai")
    assert not family.needs_quick_gelu("ViT-B-32", "laion2b_s34b_b79k")


@pytest.mark.parametrize("model", ["laion/some-clip", "hf-hub:laion/some-clip"])
def test_a_hub_name_is_passed_on_as_one(model):
    found = family.locate(EncoderRequest(name="x", model=model))
    assert found == ("hf-hub:laion/some-clip", None)
    assert family.repo_of(*found) == "laion/some-clip"


def test_pooling_is_refused(checkpoint):
    with pytest.raises(InputError, match="bring their own"):
        family.load(EncoderRequest(name="small", model=str(checkpoint("open_clip_vit")), pooling="mean"))


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(ModelUnavailable, match=r"could not load the folder .*open_clip_config\.json"):
        family.load(EncoderRequest(name="small", model=str(tmp_path)))


def test_a_folder_without_a_tokenizer_gives_no_vectors_of_texts(checkpoint, tmp_path):
    hidden = shutil.ignore_patterns("tokenizer*")
    folder = shutil.copytree(checkpoint("open_clip_timm"), tmp_path / "model", ignore=hidden)
    shutil.copy(folder / "tower/config.json", folder)
    with pytest.raises(ModelUnavailable, match=r"could not load the folder .*has no tokenizer"):
        family.load(EncoderRequest(name="small", model=str(folder)))


def test_a_revision_is_loaded_from_its_snapshot_and_recorded(checkpoint, monkeypatch):
    asked = []

    def snapshot(repo, *, revision, allow_patterns):
        asked.append((repo, revision))
        return str(checkpoint("open_clip_vit"))

    monkeypatch.setattr(family, "snapshot_download", snapshot)
    monkeypatch.setattr("featurizer.encoders.reach.reach", lambda *_: None)
    request = EncoderRequest(name="small", model="ViT-B-32/laion2b_s34b_b79k", revision="abc12")
    image, _ = family.load(request)
    assert asked == [("laion/CLIP-ViT-B-32-laion2B-s34B-b79K", "abc12")]
    assert (image.spec.source, image.spec.revision) == ("hub", "abc12")
    same, _ = loaded(checkpoint("open_clip_vit"))
    np.testing.assert_array_equal(vectors(image, sample_images()), vectors(same, sample_images()))


def test_a_revision_without_safetensors_is_loaded_from_its_bin_file(checkpoint, monkeypatch, tmp_path):
    written = checkpoint("open_clip_vit")
    (tmp_path / "open_clip_config.json").write_bytes((written / "open_clip_config.json").read_bytes())
    asked = []

    def snapshot(repo, *, revision, allow_patterns):
        asked.append(allow_patterns[-1])
        if asked[-1] == "open_clip_pytorch_model.bin":
            torch.save(load_file(written / "open_clip_model.safetensors"), tmp_path / asked[-1])
        return str(tmp_path)

    monkeypatch.setattr(family, "snapshot_download", snapshot)
    monkeypatch.setattr("featurizer.encoders.reach.reach", lambda *_: None)
    image, _ = family.load(EncoderRequest(name="small", model="org/clip", revision="abc12"))
    assert asked == ["open_clip_model.safetensors", "open_clip_pytorch_model.bin"]
    assert image.spec.weight_hash == loaded(written)[0].spec.weight_hash


def test_a_folder_has_no_revisions(checkpoint):
    folder = str(checkpoint("open_clip_vit"))
    with pytest.raises(InputError, match="has no revision v1"):
        family.load(EncoderRequest(name="small", model=folder, revision="v1"))
