import functools

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer, CLIPTextModel, YolosConfig, YolosModel

from featurizer.encoders.base import EncoderRequest
from featurizer.encoders.families.transformers import encoder as family
from featurizer.encoders.families.transformers import tokens as transformers_tokens
from featurizer.encoders.torch_tokens import padded
from featurizer.errors import InputError
from featurizer.testing import ImageTokenEncoderContract, TextTokenEncoderContract, sample_images


def request(folder, **changes):
    return EncoderRequest(name="small", model=str(folder), **changes)


@functools.cache
def both(folder, side, pooling):
    """Return the token encoder and the encoder of one side."""
    asked = request(folder, modalities=(side,), pooling=pooling)
    (tokens,), (encoder,) = transformers_tokens.load(asked), family.load(asked)
    return tokens, encoder


class Folder:
    name = ""
    side = "image"
    pooling = None

    @pytest.fixture(autouse=True)
    def _folder(self, checkpoint):
        self.tokens, self.encoder = both(checkpoint(self.name), self.side, self.pooling)

    def make_tokens(self):
        return self.tokens

    def make_encoder(self):
        return self.encoder


class TestViT(Folder, ImageTokenEncoderContract):
    name = "vit"


class TestViTMean(Folder, ImageTokenEncoderContract):
    name = "vit"
    pooling = "mean"


class TestDinov2(Folder, ImageTokenEncoderContract):
    name = "dinov2"


class TestBeit(Folder, ImageTokenEncoderContract):
    name = "beit"


class TestResNet(Folder, ImageTokenEncoderContract):
    name = "resnet"


class TestSwin(Folder, ImageTokenEncoderContract):
    name = "swin"


class TestClipImage(Folder, ImageTokenEncoderContract):
    name = "clip"


class TestSiglipImage(Folder, ImageTokenEncoderContract):
    name = "siglip"


class TestBert(Folder, TextTokenEncoderContract):
    name = "bert"
    side = "text"


class TestBertCls(Folder, TextTokenEncoderContract):
    name = "bert"
    side = "text"
    pooling = "cls"


class TestGpt2(Folder, TextTokenEncoderContract):
    name = "gpt2"
    side = "text"


class TestOpt(Folder, TextTokenEncoderContract):
    name = "opt"
    side = "text"


class TestDeclared(Folder, TextTokenEncoderContract):
    name = "declared"
    side = "text"


class TestSiglipMaskedText(Folder, TextTokenEncoderContract):
    name = "siglip_masked"
    side = "text"


class TestRoberta(Folder, TextTokenEncoderContract):
    name = "roberta"
    side = "text"


class TestClipText(Folder, TextTokenEncoderContract):
    name = "clip"
    side = "text"


class TestSiglipText(Folder, TextTokenEncoderContract):
    name = "siglip"
    side = "text"


@pytest.mark.parametrize(
    ("name", "grid", "prefix", "dim"),
    [
        ("vit", (4, 4), 1, 32),
        ("dinov2", (4, 4), 1, 32),
        ("siglip", (4, 4), 0, 32),
        ("clip", (4, 4), 1, 32),
        ("swin", (4, 4), 0, 16),
        ("resnet", (4, 4), 0, 16),
    ],
)
def test_tokens_before_the_patches_are_counted(checkpoint, name, grid, prefix, dim):
    spec = both(checkpoint(name), "image", None)[0].spec
    assert (spec.grid, spec.prefix, spec.dim, spec.layers) == (grid, prefix, dim, ("last_hidden_state",))


def test_a_pictures_states_are_the_models_last_hidden_state(checkpoint):
    tokens, _ = both(checkpoint("vit"), "image", None)
    pictures = [tokens.prepare(picture) for picture in sample_images()]
    with torch.no_grad():
        expected = AutoModel.from_pretrained(checkpoint("vit"))(pixel_values=torch.stack(pictures))
    np.testing.assert_allclose(tokens.encode(pictures).states, expected.last_hidden_state, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["bert", "siglip"])
def test_a_texts_states_are_the_models_last_hidden_state(checkpoint, name):
    tokens, _ = both(checkpoint(name), "text", None)
    model, tokenizer = (
        AutoModel.from_pretrained(checkpoint(name)),
        AutoTokenizer.from_pretrained(checkpoint(name)),
    )
    ids, mask = padded(tokens.tokenize(["red mug"]), tokens.spec.padding_id)
    length = {"padding": "max_length"} if name == "siglip" else {}
    with torch.no_grad():
        expected = getattr(model, "text_model", model)(
            **tokenizer(["red mug"], return_tensors="pt", **length)
        )
    found = tokens.encode(ids, mask).states
    np.testing.assert_allclose(found, expected.last_hidden_state[:, : ids.shape[1]], rtol=0, atol=1e-5)


def test_a_training_step_may_go_through_the_states(checkpoint):
    tokens, _ = both(checkpoint("bert"), "text", None)
    layer = torch.nn.Linear(32, 1)
    layer(tokens.encode(*padded(tokens.tokenize(["red mug"]), 0)).states).sum().backward()
    assert layer.weight.grad.abs().sum() > 0


def test_tokens_that_form_no_grid_are_refused(checkpoint, tmp_path):
    config = YolosConfig(
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=[32, 32],
        patch_size=8,
        num_detection_tokens=3,
    )
    YolosModel(config).save_pretrained(tmp_path)
    name = "preprocessor_config.json"
    (tmp_path / name).write_bytes((checkpoint("vit") / name).read_bytes())
    with pytest.raises(InputError, match=r"has 20 tokens a picture of 32×32, which form no grid"):
        transformers_tokens.load(request(tmp_path, pooling="cls"))


def test_a_text_model_that_shows_no_embeddings_is_refused(checkpoint, monkeypatch):
    def hidden(_):
        raise NotImplementedError

    monkeypatch.setattr(CLIPTextModel, "get_input_embeddings", hidden)
    with pytest.raises(InputError, match="keeps its input embeddings to itself"):
        transformers_tokens.load(request(checkpoint("clip"), modalities=("text",)))
