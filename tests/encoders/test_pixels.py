"""Bytes that are normalized where the model is: only where that gives the library's own numbers."""

import numpy as np
import pytest
import torch
from PIL.Image import fromarray
from timm.data import create_transform
from torchvision.transforms import Compose, Normalize, PILToTensor, Resize, ToTensor

from featurizer.encoders.base import EncoderRequest
from featurizer.encoders.families.transformers.encoder import open_processor, processed_pixels
from featurizer.encoders.families.transformers.model import open_model
from featurizer.encoders.pixels import Composed, Normalization, composed_pixels, fitting
from featurizer.encoders.placement import Placement
from featurizer.encoders.torch_encoder import stacked

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
GPU = Placement("cuda:0")
PICTURE = fromarray(np.random.default_rng(1).integers(0, 256, (40, 50, 3), np.uint8))


def same(pixels, whole):
    assert pixels.normalize is not None
    found = pixels.prepare(PICTURE)
    assert found.dtype == torch.uint8
    torch.testing.assert_close(pixels.normalize.on("cpu")(found[None])[0], whole(PICTURE), rtol=0, atol=1e-5)


def test_normalization_equals_the_written_out_formula():
    pixels = torch.randint(0, 256, (2, 3, 4, 5), dtype=torch.uint8)
    expected = (pixels.double() / 255 - torch.tensor(MEAN).double().view(3, 1, 1)) / torch.tensor(STD).view(
        3, 1, 1
    )
    torch.testing.assert_close(
        Normalization(MEAN, STD).on("cpu")(pixels).double(), expected, rtol=0, atol=1e-6
    )


@pytest.mark.parametrize(
    "transform",
    [
        create_transform(input_size=(3, 32, 32), interpolation="bicubic", crop_pct=0.9, is_training=False),
        Compose([Resize((32, 32)), ToTensor(), Normalize(MEAN, STD)]),
    ],
)
def test_what_torchvision_composes_is_taken_apart_for_a_gpu(transform):
    same(composed_pixels(transform, GPU), transform)
    assert composed_pixels(transform, Placement("cpu")).prepare is transform


@pytest.mark.parametrize("name", ["vit", "clip", "resnet", "swin", "siglip", "dinov2"])
def test_a_processors_last_steps_are_left_to_a_gpu(checkpoint, name):
    loaded = open_model(EncoderRequest(name=name, model=str(checkpoint(name)), modalities=("image",)))
    processor = open_processor(loaded)
    same(processed_pixels(processor, GPU), processed_pixels(processor, Placement("cpu")).prepare)


@pytest.mark.parametrize(
    "steps",
    [
        [ToTensor()],
        [PILToTensor(), Normalize(MEAN, STD)],
        [Normalize(MEAN, STD), ToTensor()],
        [ToTensor(), Normalize(MEAN, STD), torch.nn.Identity()],
    ],
)
def test_other_steps_stay_as_they_are(steps):
    transform = Compose(steps)
    found = composed_pixels(transform, GPU)
    assert found.prepare is transform
    assert found.normalize is None


@pytest.mark.parametrize(
    ("raw", "mean"),
    [
        (Composed(()), (0.5, 0.456, 0.406)),  # another mean
        (Composed((Resize((8, 8)),)), MEAN),  # another size
        (ToTensor(), MEAN),  # no bytes
    ],
)
def test_bytes_that_would_give_other_numbers_are_not_sent(raw, mean):
    whole = Compose([ToTensor(), Normalize(MEAN, STD)])
    assert fitting(whole, raw, Normalization(mean, STD), GPU).prepare is whole


def test_bytes_are_normalized_before_the_model_sees_them_and_numbers_are_not():
    forward = stacked(lambda batch: batch, Placement("cpu"), Normalization(MEAN, STD))
    pixels = torch.randint(0, 256, (3, 4, 5), dtype=torch.uint8)
    torch.testing.assert_close(
        forward([pixels, pixels])[1], Normalization(MEAN, STD).on("cpu")(pixels[None])[0]
    )
    assert torch.equal(forward([pixels.float()])[0], pixels.float())
