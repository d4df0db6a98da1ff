import functools

import numpy as np
import pytest
import timm
import torch
from timm.models import save_for_hf
from torch.nn.functional import adaptive_avg_pool2d

from featurizer.encoders.base import EncoderRequest
from featurizer.encoders.families.timm import encoder as family
from featurizer.encoders.families.timm import tokens as timm_tokens
from featurizer.encoders.resolve import load, load_token_encoder, resolve
from featurizer.errors import InputError
from featurizer.testing import ImageTokenEncoderContract, sample_images


@functools.cache
def lite0():
    return load_token_encoder("efficientnet-lite0", "image", device="cpu")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Return the function from an architecture of timm's, with random weights, to the request for its folder."""

    @functools.cache
    def save(architecture):
        folder = tmp_path_factory.mktemp(architecture)
        torch.manual_seed(0)
        options = {"img_size": 64} if architecture.startswith("test_vit") else {}
        model = timm.create_model(architecture, pretrained=False, **options)
        if architecture.startswith("test_"):
            model.pretrained_cfg |= {"input_size": (3, 64, 64)}
        save_for_hf(model, folder, model_args=options)
        return EncoderRequest(name="small", model=str(folder))

    return save


def both(request):
    (tokens,), (encoder,) = timm_tokens.load(request), family.load(request)
    return tokens, encoder


class TestEfficientnetLite0(ImageTokenEncoderContract):
    def make_tokens(self):
        return lite0()

    def make_encoder(self):
        return load(resolve("efficientnet-lite0"))[0]


class Architecture:
    name = ""

    @pytest.fixture(autouse=True)
    def _saved(self, saved):
        self.tokens, self.encoder = both(saved(self.name))

    def make_tokens(self):
        return self.tokens

    def make_encoder(self):
        return self.encoder


class TestVisionTransformer(Architecture, ImageTokenEncoderContract):
    name = "test_vit"


class TestVisionTransformerWithRegisters(Architecture, ImageTokenEncoderContract):
    name = "test_vit3"


class TestResNet(Architecture, ImageTokenEncoderContract):
    name = "test_resnet"


class TestConvNeXt(Architecture, ImageTokenEncoderContract):
    name = "test_convnext"


def test_a_cnns_tokens_are_the_maps_of_all_stages_on_the_last_grid():
    tokens = lite0()
    model = family.open_model(resolve("efficientnet-lite0")).model
    pictures = torch.stack([tokens.prepare(picture) for picture in sample_images()])
    with torch.no_grad():
        maps = model.forward_intermediates(pictures, intermediates_only=True)
    found = tokens.encode(list(pictures)).states
    begin = 0
    for part in maps:
        expected = adaptive_avg_pool2d(part, 7)
        for row, column in ((0, 0), (0, 6), (3, 2), (6, 6)):
            token = found[:, row * 7 + column, begin : begin + part.shape[1]]
            np.testing.assert_allclose(token, expected[:, :, row, column], rtol=0, atol=1e-5)
        begin += part.shape[1]
    assert begin == tokens.spec.dim == 16 + 24 + 40 + 112 + 320
    assert tokens.spec.layers == ("blocks.0", "blocks.1", "blocks.2", "blocks.4", "blocks.6")


def test_a_transformers_tokens_are_what_its_head_reads(saved):
    request = saved("test_vit")
    tokens, _ = both(request)
    model = family.open_model(request).model
    pictures = torch.stack([tokens.prepare(picture) for picture in sample_images()])
    with torch.no_grad():
        expected = model.forward_features(pictures)
    np.testing.assert_allclose(tokens.encode(list(pictures)).states, expected, rtol=0, atol=1e-5)
    assert (tokens.spec.layers, tokens.spec.prefix) == (("norm",), 1)


def test_half_precision_gives_float32_tokens_near_those_of_full_precision(saved):
    request = saved("test_resnet")
    full, _ = both(request)
    (half,) = timm_tokens.load(EncoderRequest(name="small", model=request.model, dtype="bfloat16"))
    pictures = [full.prepare(picture) for picture in sample_images()]
    found, expected = half.encode(pictures), full.encode(pictures)
    assert found.states.dtype == found.pooled.dtype == torch.float32
    assert 0 < (found.states - expected.states).abs().max() < 0.1 * expected.states.abs().max()


def test_a_model_of_several_resolutions_has_no_tokens(saved):
    with pytest.raises(
        InputError, match=r"no tokens: it works at several resolutions side by side.*choose a ViT or a CNN"
    ):
        timm_tokens.load(saved("crossvit_9_240"))


def test_a_model_that_pools_in_a_way_of_its_own_is_refused(saved, monkeypatch):
    model = type(timm.create_model("test_resnet", pretrained=False))
    monkeypatch.setattr(
        model, "forward", lambda self, pixels: 2 * self.forward_head(self.forward_features(pixels))
    )
    with pytest.raises(InputError, match="pools its tokens in a way that cannot be followed"):
        timm_tokens.load(saved("test_resnet"))
