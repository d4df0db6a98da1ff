import functools

from featurizer.encoders.resolve import resolve
from featurizer.encoders.resolve_tokens import load_token_encoder
from featurizer.testing import ImageTokenEncoderContract, TextTokenEncoderContract


@functools.cache
def encoder(text):
    return resolve(text).load()[0]


@functools.cache
def tokens(text, modality):
    return load_token_encoder(text, modality, device="cpu")


class TestEfficientnetLite0(ImageTokenEncoderContract):
    def make_tokens(self):
        return tokens("efficientnet-lite0", "image")

    def make_encoder(self):
        return encoder("efficientnet-lite0")


class TestMiniLM(TextTokenEncoderContract):
    def make_tokens(self):
        return tokens("minilm", "text")

    def make_encoder(self):
        return encoder("minilm")
