"""A package of somebody else with a model of pictures and texts keeps the contracts, and goes through extract."""

import sys

import numpy as np
import pytest

from featurizer.encoders.base import EncoderRequest
from featurizer.encoders.family import family_named
from featurizer.encoders.resolve import load_encoders
from featurizer.features.extract import ExtractOptions, extract
from featurizer.records import ImageRef, ItemRecord
from featurizer.testing import EncoderContract, EncoderFamilyContract
from tests.features.test_extract import png
from tests.support.items import make_catalog

PACKAGE = '''
import numpy as np

from featurizer.encoders.base import EncoderSpec, Pair, TextLoss
from featurizer.encoders.family import EncoderFamily

PLACES = {"image": slice(0, 6), "text": slice(6, 32), "both": slice(0, 32)}


class Glance:
    """Mean colors of the first picture and of all, and counts of letters."""

    def __init__(self, request, modality):
        self.prompt, self.limit = request.prompt or "", request.max_tokens or 20
        places = PLACES[modality]
        together = request.images == "all" and modality != "text"
        self.spec = EncoderSpec(
            request.name, modality, places.stop - places.start, "glance", "glance", None, "code", "0" * 64, "mean",
            normalized=False,
            preprocessing={"library": "numpy", "prompt": self.prompt, "token_limit": self.limit},
            images="all" if together else None,
        )

    def prepare(self, value):
        if isinstance(value, Pair):
            return [self.colors(one) for one in value.pictures], self.letters(value.text)
        return self.letters(value) if isinstance(value, str) else self.colors(value)

    def colors(self, picture):
        return np.asarray(picture, np.float32).mean((0, 1)) / 255

    def letters(self, text):
        words = [] if text is None else (self.prompt + text).split(" ")[: self.limit]
        kept = " ".join(words).lower()
        return np.array([kept.count(chr(97 + place)) for place in range(26)], np.float32) + (text is not None)

    def encode(self, prepared):
        rows = np.zeros((len(prepared), 32), np.float32)
        for row, value in zip(rows, prepared):
            pictures, letters = value if self.spec.modality == "both" else ([], None)
            if self.spec.modality == "text":
                letters = value
            if self.spec.modality == "image":
                pictures = value if self.spec.images else [value]
            if len(pictures):
                row[:3], row[3:6] = pictures[0], np.mean(pictures, axis=0) + 0.5
            if letters is not None:
                row[6:] = letters
        return rows[:, PLACES[self.spec.modality]]

    def losses(self, texts):
        return [TextLoss(cut=len((self.prompt + text).split(" ")) > self.limit) for text in texts]


class Seeing(Glance):
    losses = None


def load(request):
    sides = request.modalities or ("image", "text", "both")
    return [(Seeing if side == "image" else Glance)(request, side) for side in sides]


FAMILY = EncoderFamily("glance", load, options=("prompt", "max_tokens"))
'''


@pytest.fixture(autouse=True)
def _installed(tmp_path_factory, monkeypatch):
    site = tmp_path_factory.mktemp("site")
    (site / "glance_encoder.py").write_text(PACKAGE, "utf-8")
    info = site / "glance_encoder-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: glance-encoder\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text("[featurizer.encoders]\nglance = glance_encoder:FAMILY\n", "utf-8")
    monkeypatch.syspath_prepend(site)
    yield
    sys.modules.pop("glance_encoder", None)


class TestFamily(EncoderFamilyContract):
    def make_family(self):
        return family_named("glance")

    def make_request(self):
        return EncoderRequest("g", "", family="glance")


class Space(EncoderContract):
    text = "g=glance"
    modality = "image"

    def make_encoder(self):
        loaded = load_encoders([self.text], device="cpu", images="all")
        return next(one for one in loaded if one.spec.modality == self.modality)


class TestSeveralPictures(Space):
    pass


class TestTexts(Space):
    modality = "text"


class TestJoint(Space):
    modality = "both"


class TestJointTruncatedWithAPrompt(TestJoint):
    text = "g=glance,prompt=on sale: ,max_tokens=6,truncate_dim=30,modality=both"


def test_a_catalog_goes_through_it_with_its_options(tmp_path):
    pictures = [ImageRef(data=png(number)) for number in range(3)]
    records = [
        ItemRecord("three", title="a cup", image=pictures[0], further=tuple(pictures[1:])),
        ItemRecord("text", title="a cup"),
        ItemRecord("nothing"),
    ]
    catalog = make_catalog(tmp_path / "c", records)
    encoders = load_encoders(
        ["g=glance,prompt=sold: ,truncate_dim=20,modality=both"], device="cpu", images="all"
    )
    features = extract(catalog, encoders, tmp_path / "f", ExtractOptions(threads=1))
    vectors, present = features.vectors("g")
    assert vectors.shape == (3, 20)
    assert present.tolist() == [True, True, False]
    assert not np.allclose(vectors[0], vectors[1])
    told = features.spaces["g"]
    assert (told.images, told.plugin["distribution"], told.preprocessing["prompt"]) == (
        "all",
        "glance-encoder",
        "sold: ",
    )
    assert features.manifest.requests == ["g=glance,prompt=sold: ,truncate_dim=20,modality=both"]
