"""The contracts that an encoder or scorer of anybody's has to keep; inherit them in a test to check yours.

class TestMyEncoder(EncoderContract):
    def make_encoder(self) -> AnyEncoder:
        return load(EncoderRequest(name="mine", model="…"))[0]
"""

from featurizer.testing.samples import TOLERANCE, sample_images, sample_texts
from featurizer.testing.scorers import ScorerContract
from featurizer.testing.tokens import ImageTokenEncoderContract, TextTokenEncoderContract
from featurizer.testing.vectors import EncoderContract

__all__ = [
    "TOLERANCE",
    "EncoderContract",
    "ImageTokenEncoderContract",
    "ScorerContract",
    "TextTokenEncoderContract",
    "sample_images",
    "sample_texts",
]
