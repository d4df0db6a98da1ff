"""In bfloat16 on a GPU every space of a model that reads pictures and texts is nearly what it is on the CPU."""

import numpy as np
import pytest
import torch

from featurizer.encoders.resolve import load_encoders
from featurizer.testing.samples import encode_all, sample_inputs

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")


@pytest.mark.parametrize("images", ["first", "all"])
@pytest.mark.parametrize(
    ("family", "name"),
    [
        ("sentence-transformers", "qwen3_vl"),
        ("transformers", "qwen3_vl"),
        ("sentence-transformers", "router"),
        ("sentence-transformers", "clip_pipeline"),
        ("transformers", "siglip2"),
        ("transformers", "dinov3"),
        ("sentence-transformers", "qwen3"),
    ],
)
def test_a_gpu_in_bfloat16_gives_nearly_the_vectors_of_the_processor(checkpoint, family, name, images):
    text = f"a={family}:{checkpoint(name)}"
    exact = load_encoders([text], device="cpu", images=images)
    fast = load_encoders([text], device="cuda", dtype="bfloat16", images=images)
    for expected, found in zip(exact, fast, strict=True):
        inputs = sample_inputs(expected.spec)
        one, other = (encode_all(encoder, inputs).astype(float) for encoder in (expected, found))
        cosine = (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
        assert cosine.min() > 0.99, expected.spec.space
