import functools

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import (
    Dense,
    Normalize,
    Pooling,
    StaticEmbedding,
    Transformer,
)

from featurizer.encoders.base import EncoderRequest
from featurizer.encoders.families.sentence_transformers import encoder as family
from featurizer.encoders.families.sentence_transformers import tokens as sentence_transformers_tokens
from featurizer.encoders.resolve import load, load_token_encoder, resolve
from featurizer.encoders.torch_tokens import padded
from featurizer.errors import InputError, ShapeMismatch
from featurizer.testing import TextTokenEncoderContract


@functools.cache
def minilm():
    return load_token_encoder("minilm", "text", device="cpu")


class TestMiniLM(TextTokenEncoderContract):
    def make_tokens(self):
        return minilm()

    def make_encoder(self):
        return load(resolve("minilm"))[0]


@pytest.fixture(scope="module")
def pipeline(checkpoint, tmp_path_factory):
    """A pipeline with a prompt that its pooling leaves out, a dense layer and a normalization."""
    folder = tmp_path_factory.mktemp("pipeline")
    torch.manual_seed(0)
    words = Transformer(str(checkpoint("bert")), max_seq_length=24)
    modules = [words, Pooling(32, pooling_mode="mean", include_prompt=False), Dense(32, 12), Normalize()]
    prompts = {"document": "passage: "}
    model = SentenceTransformer(
        modules=modules, prompts=prompts, default_prompt_name="document", device="cpu"
    )
    model.save(str(folder))
    request = EncoderRequest(name="small", model=str(folder))
    return sentence_transformers_tokens.load(request)[0], family.load(request)[0]


class TestPipelineWithPrompt(TextTokenEncoderContract):
    @pytest.fixture(autouse=True)
    def _loaded(self, pipeline):
        self.tokens, self.encoder = pipeline

    def make_tokens(self):
        return self.tokens

    def make_encoder(self):
        return self.encoder


def test_the_states_are_the_library_s_token_embeddings():
    tokens, model = minilm(), family.open_model(resolve("minilm")).model
    texts = ["a red cotton dress", "mug"]
    found = tokens.encode(*padded(tokens.tokenize(texts), 0)).states
    for row, expected in zip(
        found, model.encode(texts, output_value="token_embeddings", show_progress_bar=False), strict=True
    ):
        np.testing.assert_allclose(row[: len(expected)], expected, rtol=0, atol=1e-5)


def test_embeddings_are_the_rows_of_the_models_table():
    tokens, model = minilm(), family.open_model(resolve("minilm")).model
    table = model[0].model.get_input_embeddings().weight
    np.testing.assert_array_equal(tokens.embed(torch.tensor([[5, 7]])), table[[5, 7]][None])


def test_the_specification_says_how_to_hide_and_how_to_pad():
    spec = minilm().spec
    assert (spec.dim, spec.max_tokens, spec.vocabulary) == (384, 256, 30522)
    assert (spec.mask_id, spec.padding_id, spec.layers) == (103, 0, ("last_hidden_state",))


def test_a_prompts_tokens_are_there_and_belong_to_no_word(pipeline):
    tokens, _ = pipeline
    (text,) = tokens.tokenize(["red mug"])
    assert text.words.tolist() == [-1] * (1 + len("passage:")) + [0] * 3 + [1] * 3 + [-1]


def test_more_tokens_than_the_limit_are_refused():
    ids = torch.ones((1, 257), dtype=torch.int64)
    with pytest.raises(ShapeMismatch, match=r"257 tokens a text, the model's limit is 256; cut the texts"):
        minilm().encode(ids, ids > 0)


def test_a_static_embedding_has_no_tokens(checkpoint, tmp_path):
    model = family.open_model(resolve("minilm")).model
    static = StaticEmbedding(model.tokenizer.backend_tokenizer, embedding_dim=8)
    SentenceTransformer(modules=[static], device="cpu").save(str(tmp_path))
    with pytest.raises(InputError, match=r"no tokens: it starts with a StaticEmbedding module"):
        sentence_transformers_tokens.load(EncoderRequest(name="small", model=str(tmp_path)))
