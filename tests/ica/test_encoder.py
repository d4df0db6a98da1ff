"""A trained alignment as an encoder keeps the contract of every other."""

import pytest

from featurizer.encoders.base import EncoderRequest
from featurizer.ica.encoder import IcaEncoder, unified_spec
from featurizer.ica.saved_model import SavedModel
from featurizer.ica.token_store import spec_json
from featurizer.testing import EncoderContract
from tests.support.small_tokens import Patches, Words


class TestIcaEncoder(EncoderContract):
    @pytest.fixture(autouse=True)
    def _built(self, built):
        self.built = built

    def make_encoder(self):
        image, text = Patches(), Words()
        bundle = SavedModel(*self.built, "patches", "words", spec_json(image.spec), spec_json(text.spec), {})
        spec = unified_spec(bundle, EncoderRequest("unified", "model"), "0" * 64)
        return IcaEncoder(spec, bundle, image, text, "cpu", None)
