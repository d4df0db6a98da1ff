"""Models of Sentence Transformers that read pictures, texts, or both: each space equals the library's own call."""

import functools

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from featurizer.encoders.base import EncoderRequest, Pair
from featurizer.encoders.families.sentence_transformers import encoder as family
from featurizer.encoders.family import family_named
from featurizer.errors import InputError
from featurizer.testing import EncoderContract, EncoderFamilyContract, sample_images, sample_texts


@functools.cache
def loaded(folder, images="first"):
    return {one.spec.modality: one for one in family.load(EncoderRequest("small", folder, images=images))}


@functools.cache
def library(folder):
    return SentenceTransformer(folder, device="cpu")


def documents(folder, inputs):
    """Encode one input after the other, as the library's documentation calls it."""
    return np.stack([library(folder).encode_document([one], show_progress_bar=False)[0] for one in inputs])


class Space(EncoderContract):
    name = ""
    modality = ""
    images = "first"

    @pytest.fixture(autouse=True)
    def _folder(self, checkpoint):
        self.folder = str(checkpoint(self.name))

    def make_encoder(self):
        return loaded(self.folder, self.images)[self.modality]

    def reference(self):
        return documents(self.folder, [self.as_document(one) for one in self.sample_inputs()])

    def as_document(self, item):
        return {self.modality: item}


class TestClipPictures(Space):
    name, modality = "clip_pipeline", "image"


class TestClipTexts(Space):
    name, modality = "clip_pipeline", "text"


class TestRouterPictures(Space):
    name, modality = "router", "image"


class TestRouterTexts(Space):
    name, modality = "router", "text"


class TestCausalTexts(Space):
    name, modality = "qwen3", "text"


class TestQwenPictures(Space):
    name, modality = "qwen3_vl", "image"


class TestQwenTexts(Space):
    name, modality = "qwen3_vl", "text"


class TestQwenJoint(Space):
    name, modality = "qwen3_vl", "both"

    def as_document(self, item):
        seen = {} if item.image is None else {"image": list(item.pictures)}
        return seen if item.text is None else {**seen, "text": item.text}


class TestQwenSeveralPictures(Space):
    name, modality, images = "qwen3_vl", "image", "all"


class TestQwenJointOfSeveralPictures(TestQwenJoint):
    images = "all"


class TestRouterFamily(EncoderFamilyContract):
    @pytest.fixture(autouse=True)
    def _folder(self, checkpoint):
        self.folder = str(checkpoint("router"))

    def make_family(self):
        return family_named("sentence-transformers")

    def make_request(self):
        return EncoderRequest("small", self.folder)

    def test_tokens_are_those_of_the_encoders(self):
        with pytest.raises(InputError, match="starts with a Router"):
            super().test_tokens_are_those_of_the_encoders()

    test_one_side_of_the_tokens_alone_can_be_asked_for = None


@pytest.mark.parametrize(
    ("name", "spaces"),
    [
        ("clip_pipeline", ["small_image", "small_text"]),
        ("router", ["small_image", "small_text"]),
        ("qwen3", ["small_text"]),
        ("qwen3_vl", ["small_image", "small_text", "small"]),
    ],
)
def test_a_model_gives_the_spaces_that_it_has(checkpoint, name, spaces):
    assert [one.spec.space for one in loaded(str(checkpoint(name))).values()] == spaces


def test_what_a_model_takes_and_nothing_is_made_of_is_told(checkpoint):
    specs = [one.spec for one in loaded(str(checkpoint("qwen3_vl"))).values()]
    assert {spec.not_read for spec in specs} == {("video",)}
    assert specs[0].provenance()["not_read"] == ("video",)
    assert "not_read" not in loaded(str(checkpoint("router")))["text"].spec.provenance()


def test_what_is_done_to_a_picture_and_in_what_form_a_model_is_asked_stand_with_the_vectors(checkpoint):
    told = {name: one.spec.preprocessing for name, one in loaded(str(checkpoint("qwen3_vl"))).items()}
    assert told["both"]["processor"]["image_processor_type"] == "Qwen2VLImageProcessor"
    assert len({one["chat_template"] for one in told.values()}) == 1
    assert loaded(str(checkpoint("router")))["image"].spec.preprocessing["processor"]["size"] == {
        "height": 32, "width": 32,
    }  # fmt: skip


def test_one_space_alone_can_be_asked_for(checkpoint):
    request = EncoderRequest("small", str(checkpoint("qwen3_vl")), modalities=("both",))
    assert [one.spec.space for one in family.load(request)] == ["small"]


def test_a_space_that_a_model_lacks_is_refused_with_those_it_has(checkpoint):
    request = EncoderRequest("small", str(checkpoint("router")), modalities=("both",))
    with pytest.raises(InputError, match="gives vectors of image and text, but both was asked for"):
        family.load(request)


def test_texts_that_look_like_addresses_of_pictures_are_texts(checkpoint):
    folder = str(checkpoint("router"))
    texts = ["https://example.com/red.jpg", "data:image/png;base64,AAAA"]
    expected = documents(folder, [{"text": text} for text in texts])
    np.testing.assert_allclose(loaded(folder)["text"].encode(texts), expected, atol=1e-5)


def test_the_order_of_pictures_and_the_instruction_count(checkpoint):
    joint = loaded(str(checkpoint("qwen3_vl")), "all")["both"]
    first, second, *_ = sample_images()
    one, other = joint.encode([Pair(first, "mug", (second,)), Pair(second, "mug", (first,))])
    assert np.abs(one - other).max() > 1e-4
    request = EncoderRequest("small", str(checkpoint("qwen3_vl")), prompt="Name the color.")
    asked = {encoder.spec.modality: encoder for encoder in family.load(request)}["both"]
    expected = library(str(checkpoint("qwen3_vl"))).encode(
        [{"image": first, "text": "mug"}], prompt="Name the color.", show_progress_bar=False
    )
    np.testing.assert_allclose(asked.encode([Pair(first, "mug")]), expected, atol=1e-5)
    assert asked.spec.preprocessing["prompt"] == "Name the color."


def test_pictures_of_one_size_are_prepared_by_whoever_decodes_them(checkpoint):
    encoder = loaded(str(checkpoint("router")))["image"]
    large = sample_images()[0].resize((500, 300))
    assert encoder.prepare(large)["pixel_values"].shape == (1, 3, 32, 32)


def test_what_is_cut_of_a_message_is_counted(checkpoint):
    encoder = loaded(str(checkpoint("qwen3_vl")))["text"]
    assert [loss.cut for loss in encoder.losses(["mug", "mug " * 2000])] == [False, True]
    assert len(sample_texts()) == len(encoder.losses(sample_texts()))
