"""The contracts that anybody's family, encoder, scorer, recommender or format has to keep.

Inherit them in tests:

    class TestMyEncoder(EncoderContract):
        def make_encoder(self) -> AnyEncoder:
            return load(EncoderRequest(name="mine", model="…"))[0]
"""

from featurizer.testing.closed_forms import ClosedFormContract
from featurizer.testing.families import EncoderFamilyContract
from featurizer.testing.formats import FormatContract
from featurizer.testing.recommenders import RecommenderContract
from featurizer.testing.samples import TOLERANCE, sample_images, sample_texts
from featurizer.testing.scorers import ScorerContract
from featurizer.testing.tokens import ImageTokenEncoderContract, TextTokenEncoderContract
from featurizer.testing.vectors import EncoderContract

__all__ = [
    "TOLERANCE",
    "ClosedFormContract",
    "EncoderContract",
    "EncoderFamilyContract",
    "FormatContract",
    "ImageTokenEncoderContract",
    "RecommenderContract",
    "ScorerContract",
    "TextTokenEncoderContract",
    "sample_images",
    "sample_texts",
]
