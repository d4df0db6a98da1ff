"""Models of transformers that read pictures and texts, each space against the call that the model's card documents."""

import functools

import numpy as np
import pytest
import torch
from joint_checkpoints import INSTRUCTION
from transformers import (
    AutoImageProcessor,
    AutoModel,
    AutoProcessor,
    AutoTokenizer,
    Qwen3VLModel,
    Qwen3VLProcessor,
)

from featurizer.encoders.base import EncoderRequest, Pair
from featurizer.encoders.families.transformers import encoder as family
from featurizer.encoders.families.transformers import tokens
from featurizer.errors import InputError
from featurizer.testing import EncoderContract, sample_images, sample_texts


@functools.cache
def loaded(folder, images="first", prompt=None):
    request = EncoderRequest("small", folder, images=images, prompt=prompt)
    return {one.spec.modality: one for one in family.load(request)}


@functools.cache
def qwen(folder):
    return Qwen3VLModel.from_pretrained(folder).eval(), Qwen3VLProcessor.from_pretrained(
        folder, padding_side="right"
    )


def conversation_of(pair, instruction):
    content = [{"type": "image", "image": one} for one in pair.pictures]
    content += [] if pair.text is None else [{"type": "text", "text": pair.text}]
    return [
        {"role": "system", "content": [{"type": "text", "text": instruction}]},
        {"role": "user", "content": content},
    ]


@torch.no_grad()
def as_the_card_has_it(folder, pair, instruction=INSTRUCTION):
    """Qwen3-VL-Embedding as its card calls it: system and user, picture before text, last token, length 1."""
    model, processor = qwen(folder)
    conversation = conversation_of(pair, instruction)
    text = processor.apply_chat_template([conversation], add_generation_prompt=True, tokenize=False)
    inputs = processor(text=text, images=list(pair.pictures) or None, padding=True, return_tensors="pt")
    states = model(**inputs).last_hidden_state
    return torch.nn.functional.normalize(states[0, inputs["attention_mask"][0].sum() - 1], dim=-1).numpy()


class Qwen(EncoderContract):
    images = "first"

    @pytest.fixture(autouse=True)
    def _folder(self, checkpoint):
        self.folder = str(checkpoint("qwen3_vl"))

    def make_encoder(self):
        return loaded(self.folder, self.images)[self.modality]

    def as_pair(self, item):
        return item

    def reference(self):
        items = [self.as_pair(one) for one in self.sample_inputs()]
        return np.stack([as_the_card_has_it(self.folder, self.cut(one)) for one in items])

    def cut(self, pair):
        """Leave of a text what fits into the 320 tokens of a message; each of its letters is one."""
        if pair.text is None or len(pair.text) < 300:
            return pair
        _, processor = qwen(self.folder)
        conversation = conversation_of(Pair.of(pair.pictures, ""), INSTRUCTION)
        text = processor.apply_chat_template([conversation], add_generation_prompt=True, tokenize=False)
        around = processor(text=text, images=list(pair.pictures) or None)["input_ids"][0]
        return Pair.of(pair.pictures, pair.text[: 320 - len(around)])


class TestQwenPictures(Qwen):
    modality = "image"

    def as_pair(self, item):
        return Pair(item, None)


class TestQwenTexts(Qwen):
    modality = "text"

    def as_pair(self, item):
        return Pair(None, item)


class TestQwenJoint(Qwen):
    modality = "both"


class TestQwenSeveralPictures(Qwen):
    modality, images = "image", "all"

    def as_pair(self, item):
        return Pair.of(item, None)


class TestQwenJointOfSeveralPictures(Qwen):
    modality, images = "both", "all"


class Siglip2(EncoderContract):
    @pytest.fixture(autouse=True)
    def _folder(self, checkpoint):
        self.folder = str(checkpoint("siglip2"))

    def make_encoder(self):
        return loaded(self.folder)[self.modality]


class TestSiglip2Pictures(Siglip2):
    modality = "image"

    @torch.no_grad()
    def reference(self):
        model, processor = (
            AutoModel.from_pretrained(self.folder).eval(),
            AutoProcessor.from_pretrained(self.folder),
        )
        inputs = processor(images=sample_images(), return_tensors="pt")
        return model.get_image_features(**inputs).pooler_output.numpy()


class TestSiglip2Texts(Siglip2):
    modality = "text"

    @torch.no_grad()
    def reference(self):
        model, tokenizer = (
            AutoModel.from_pretrained(self.folder).eval(),
            AutoTokenizer.from_pretrained(self.folder),
        )
        options = {"padding": "max_length", "max_length": 16, "truncation": True, "return_tensors": "pt"}
        ids = tokenizer(sample_texts(), **options)["input_ids"]
        return model.get_text_features(input_ids=ids).pooler_output.numpy()


class TestDinov3(EncoderContract):
    @pytest.fixture(autouse=True)
    def _folder(self, checkpoint):
        self.folder = str(checkpoint("dinov3"))

    def make_encoder(self):
        return loaded(self.folder)["image"]

    @torch.no_grad()
    def reference(self):
        model = AutoModel.from_pretrained(self.folder).eval()
        inputs = AutoImageProcessor.from_pretrained(self.folder)(images=sample_images(), return_tensors="pt")
        return model(**inputs).pooler_output.numpy()


class TestCausalTexts(EncoderContract):
    @pytest.fixture(autouse=True)
    def _folder(self, checkpoint):
        self.folder = str(checkpoint("qwen3"))

    def make_encoder(self):
        return loaded(self.folder)["text"]

    @torch.no_grad()
    def reference(self):
        """Qwen3-Embedding as its card calls it: padding on the left, the state of the last token, length 1."""
        tokenizer = AutoTokenizer.from_pretrained(self.folder, padding_side="left")
        inputs = tokenizer(sample_texts(), padding=True, truncation=True, max_length=256, return_tensors="pt")
        states = AutoModel.from_pretrained(self.folder).eval()(**inputs).last_hidden_state
        return torch.nn.functional.normalize(states[:, -1], dim=-1).numpy()


def test_a_model_that_is_talked_to_gives_three_spaces_and_says_what_it_leaves(checkpoint):
    found = loaded(str(checkpoint("qwen3_vl")))
    assert [one.spec.space for one in found.values()] == ["small_image", "small_text", "small"]
    assert {one.spec.not_read for one in found.values()} == {("video",)}
    assert {one.spec.pooling for one in found.values()} == {"lasttoken"}
    assert found["both"].spec.preprocessing["prompt"] == INSTRUCTION


def test_what_is_asked_of_the_model_replaces_its_own_instruction(checkpoint):
    folder = str(checkpoint("qwen3_vl"))
    pair = Pair(sample_images()[0], "mug")
    (found,) = loaded(folder, prompt="Name the color.")["both"].encode([pair])
    np.testing.assert_allclose(found, as_the_card_has_it(folder, pair, "Name the color."), atol=1e-5)


def test_one_space_of_a_model_that_is_talked_to_can_be_asked_for(checkpoint):
    request = EncoderRequest("small", str(checkpoint("qwen3_vl")), modalities=("both",))
    assert [one.spec.space for one in family.load(request)] == ["small"]


def test_a_model_that_is_talked_to_without_a_form_of_messages_is_refused(checkpoint, tmp_path):
    from shutil import copytree

    folder = copytree(checkpoint("qwen3_vl"), tmp_path / "mute")
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(InputError, match="no chat template says in what form"):
        family.load(EncoderRequest("small", str(folder)))


def test_a_model_that_is_talked_to_gives_no_tokens(checkpoint):
    with pytest.raises(InputError, match="reads pictures and texts in one message"):
        tokens.load(EncoderRequest("small", str(checkpoint("qwen3_vl"))))
