import functools

import pytest

from featurizer.encoders import transformers as family
from featurizer.encoders import transformers_tokens
from featurizer.encoders.base import EncoderRequest
from featurizer.testing import ImageTokenEncoderContract, TextTokenEncoderContract


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


class TestRoberta(Folder, TextTokenEncoderContract):
    name = "roberta"
    side = "text"


class TestClipText(Folder, TextTokenEncoderContract):
    name = "clip"
    side = "text"


class TestSiglipText(Folder, TextTokenEncoderContract):
    name = "siglip"
    side = "text"
