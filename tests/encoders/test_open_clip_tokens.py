import functools

import pytest

from featurizer.encoders.base import EncoderRequest
from featurizer.encoders.families.open_clip import encoder as family
from featurizer.encoders.families.open_clip import tokens as open_clip_tokens
from featurizer.testing import ImageTokenEncoderContract, TextTokenEncoderContract


@functools.cache
def both(folder, side):
    """Return the token encoder and the encoder of one side."""
    asked = EncoderRequest(name="small", model=str(folder), modalities=(side,))
    (tokens,), (encoder,) = open_clip_tokens.load(asked), family.load(asked)
    return tokens, encoder


class Folder:
    name = "open_clip_vit"
    side = "image"

    @pytest.fixture(autouse=True)
    def _folder(self, checkpoint):
        self.tokens, self.encoder = both(checkpoint(self.name), self.side)

    def make_tokens(self):
        return self.tokens

    def make_encoder(self):
        return self.encoder


class TestImage(Folder, ImageTokenEncoderContract):
    pass


class TestText(Folder, TextTokenEncoderContract):
    side = "text"


class TestCocaImage(Folder, ImageTokenEncoderContract):
    name = "open_clip_coca"


class TestCocaText(Folder, TextTokenEncoderContract):
    name = "open_clip_coca"
    side = "text"


class TestResNetImage(Folder, ImageTokenEncoderContract):
    name = "open_clip_resnet"


class TestTimmImage(Folder, ImageTokenEncoderContract):
    name = "open_clip_timm"


class TestBertText(Folder, TextTokenEncoderContract):
    name = "open_clip_timm"
    side = "text"
