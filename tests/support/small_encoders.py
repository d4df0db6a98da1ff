"""The small token encoders as a plug-in of another package, for programs started by a test."""

from __future__ import annotations

import numpy as np

from featurizer.encoders.family import EncoderFamily
from tests.support.small_tokens import Patches, Words, pooled_spec


class SmallImage:
    """The mean color of a picture, and its square."""

    spec = pooled_spec("small", "image", 6)

    def prepare(self, image):
        return Patches().prepare(image)

    def encode(self, prepared):
        return Patches().encode(prepared).pooled.numpy()


class SmallText:
    """The number of letters, by their place in the alphabet."""

    spec = pooled_spec("small", "text", 26)

    def prepare(self, text):
        return np.array([text.lower().count(chr(97 + place)) for place in range(26)], np.float32)

    def encode(self, prepared):
        return np.stack(list(prepared)) + 1


def load(request):
    return [SmallImage(), SmallText()]


def load_tokens(request):
    return [Patches(), Words()]


FAMILY = EncoderFamily("small", load, load_tokens)


def install(site):
    """Leave in `site` what pip would: one entry point."""
    info = site / "small_encoders-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: small-encoders\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[featurizer.encoders]\nsmall = tests.support.small_encoders:FAMILY\n"
    )
    return site
