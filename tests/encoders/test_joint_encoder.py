"""An encoder that makes one vector of a picture and a text keeps the contract that the others keep."""

from dataclasses import replace

import numpy as np
import pytest

from featurizer.encoders.base import EncoderSpec
from featurizer.testing import EncoderContract

SPEC = EncoderSpec("joint", "both", 4, "tests", "joint", None, "code", "0" * 64, "sum", normalized=False)


class Joint:
    """The mean color of a picture beside the length of a text; zeros for what is missing."""

    spec = replace(SPEC, preprocessing={"library": "numpy"})

    def prepare(self, value):
        color = np.zeros(3) if value.image is None else np.asarray(value.image, np.float32).mean((0, 1))
        return np.array([*color, 0 if value.text is None else len(value.text)], np.float32)

    def encode(self, prepared):
        return np.stack(prepared) if prepared else np.zeros((0, 4), np.float32)


class PicturesAlone(Joint):
    """A joint encoder that fails where there is no picture."""

    def prepare(self, value):
        value.image.load()
        return super().prepare(value)


class TestJoint(EncoderContract):
    def make_encoder(self):
        return Joint()


def test_the_contract_gives_a_joint_encoder_items_that_lack_one_side():
    class Contract(EncoderContract):
        def make_encoder(self):
            return PicturesAlone()

    pairs = Contract().sample_inputs()
    assert [pair.image is None for pair in pairs].count(True) == 1
    assert [pair.text is None for pair in pairs].count(True) == 1
    with pytest.raises(AttributeError):
        Contract().test_vectors_are_finite_float32_of_the_promised_shape()


def test_a_joint_encoders_space_is_its_name():
    assert Joint.spec.space == "joint"
