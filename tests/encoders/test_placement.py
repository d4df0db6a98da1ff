"""Where a model computes: what is convolutional has its channels last, and says so."""

import numpy as np
import pytest
import timm
import torch
from PIL.Image import new as new_image

from featurizer.encoders.base import EncoderRequest
from featurizer.encoders.placement import Placement, freeze
from featurizer.encoders.resolve import load, resolve
from featurizer.encoders.torch_encoder import stacked
from featurizer.errors import InputError

HERE = EncoderRequest(name="x", model="y")


@pytest.mark.parametrize(
    ("architecture", "expected"),
    [("test_vit", None), ("test_resnet", "channels_last"), ("test_convnext", "channels_last")],
)
def test_the_channels_of_convolutional_models_come_last(architecture, expected):
    model = timm.create_model(architecture, pretrained=False, num_classes=0)
    pictures = [torch.randn(3, 64, 64, generator=torch.Generator().manual_seed(seed)) for seed in range(3)]
    if architecture == "test_vit":
        pictures = [torch.randn(3, 160, 160) for _ in range(3)]
    with torch.inference_mode():
        before = model.eval()(torch.stack(pictures))
        place = freeze(model, HERE)
        after = stacked(model, place)(pictures)
    assert place.memory_format == expected
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5)
    seen = []
    stacked(seen.append, place)(pictures)
    assert seen[0].is_contiguous(memory_format=place.torch_format)


def test_a_space_says_how_its_pictures_lay():
    (image,) = load(resolve("efficientnet-lite0"))
    (text,) = load(resolve("minilm"))
    assert image.spec.provenance()["memory_format"] == "channels_last"
    assert "memory_format" not in text.spec.provenance()


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_tf32_is_refused_where_there_is_none(device):
    with pytest.raises(
        InputError, match=f"tf32 is a number format of NVIDIA GPUs, and the device is {device}"
    ):
        freeze(torch.nn.Linear(2, 2), EncoderRequest(name="x", model="y", device=device, dtype="tf32"))


def test_what_was_started_is_what_encode_returns():
    (image,) = load(resolve("efficientnet-lite0"))
    prepared = [image.prepare(new_image("RGB", (60, 50), color)) for color in ("red", "blue")]
    first, second = image.start(prepared), image.start(prepared[::-1])
    np.testing.assert_array_equal(first(), image.encode(prepared))
    np.testing.assert_array_equal(second(), image.encode(prepared[::-1]))
    assert image.start([])().shape == (0, image.spec.dim)


def test_where_a_model_is_by_default():
    assert Placement() == Placement("cpu", "float32", None)
