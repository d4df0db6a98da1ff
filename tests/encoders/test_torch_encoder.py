import numpy as np
import pytest
import torch

from featurizer.encoders.base import EncoderSpec
from featurizer.encoders.placement import Placement
from featurizer.encoders.torch_encoder import as_given, stacked, torch_encoder
from featurizer.errors import ShapeMismatch

SPEC = EncoderSpec("tiny", "text", 3, "by-hand", "none", None, "code", "0", "mean", normalized=False)


def encoder(forward):
    return torch_encoder(SPEC, as_given, forward)


@pytest.mark.parametrize("shape", [(2, 4), (1, 3), (2, 3, 1)])
def test_vectors_of_another_shape_than_promised_are_refused(shape):
    with pytest.raises(ShapeMismatch, match=r"tiny_text: .*its specification says \(2, 3\)"):
        encoder(lambda texts: torch.zeros(shape)).encode(["a", "b"])


def test_the_model_runs_without_gradients_and_its_output_becomes_float32():
    seen = []

    def forward(texts):
        seen.append(torch.is_inference_mode_enabled())
        return torch.ones(len(texts), 3, dtype=torch.bfloat16)

    vectors = encoder(forward).encode(["a"])
    assert seen == [True]
    assert (vectors.dtype, vectors.tolist()) == (np.float32, [[1, 1, 1]])


def test_an_empty_batch_never_reaches_the_model():
    assert encoder(lambda texts: pytest.fail("called")).encode([]).shape == (0, 3)


def test_pictures_are_stacked_in_order_and_cast():
    forward = stacked(lambda batch: batch.flatten(1), Placement("cpu", "float16"))
    found = forward([torch.full((3, 1, 1), 1.0), torch.full((3, 1, 1), 2.0)])
    assert found.dtype == torch.float16
    assert found.tolist() == [[1, 1, 1], [2, 2, 2]]
