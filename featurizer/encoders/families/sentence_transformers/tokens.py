"""Text tokens from Sentence Transformers: its transformer's states, and the whole pipeline's vector."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import torch

from featurizer.encoders.base import EncoderRequest
from featurizer.encoders.families.sentence_transformers.encoder import text_encoder
from featurizer.encoders.families.sentence_transformers.family import FAMILY
from featurizer.encoders.families.sentence_transformers.model import MESSAGE, offered, open_model
from featurizer.encoders.tokens import TextTokenEncoder
from featurizer.encoders.torch_tokens import States, no_tokens, text_tokens
from featurizer.encoders.word_tokenizer import open_words

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from transformers import PreTrainedModel


def load(request: EncoderRequest) -> tuple[TextTokenEncoder, ...]:
    """Load the token encoder of one Sentence Transformers model; names as for its encoder.

    The states are those of the first module; the others (pooling, dense layers, normalization) make the
    vector from them.

    Raises:
        InputError: the first module is no transformer, is talked to in messages, or its tokenizer counts no words.
        FeaturizerError: the model cannot be loaded.
    """
    opened = open_model(request)
    if "text" not in offered(opened):
        raise no_tokens(f"{FAMILY.name}:{request.model}", "reads no texts")
    model, prompt = opened.model, opened.prompt
    encoder, transformer = text_encoder(opened), _transformer(model, request)
    table = cast("torch.nn.Embedding", transformer.get_input_embeddings())
    words = open_words(
        model.tokenizer,
        f"{FAMILY.name}:{request.model}",
        prompt=prompt or "",
        limit=model.max_seq_length,
        rows=table.num_embeddings,
    )
    forward = _pipeline(model, prompt)
    tokens = text_tokens(
        encoder, words, "last_hidden_state", device=request.device, forward=forward, embedding=table
    )
    return (tokens,)


def _transformer(model: SentenceTransformer, request: EncoderRequest) -> PreTrainedModel:
    from sentence_transformers.sentence_transformer.modules import Transformer

    first = model[0]
    if not isinstance(first, Transformer):
        raise no_tokens(f"{FAMILY.name}:{request.model}", f"starts with a {type(first).__name__} module")
    if MESSAGE in first.modalities:
        raise no_tokens(f"{FAMILY.name}:{request.model}", "reads a text inside a message")
    return first.model


def _pipeline(
    model: SentenceTransformer, prompt: str | None
) -> Callable[[torch.Tensor, torch.Tensor], States]:
    """Return the function through all modules that keeps what leaves the first."""
    transformer, *others = model
    prompted = model.preprocess(["text"], prompt=prompt) if prompt else {}
    # some pipelines leave the prompt's tokens out of the pooling, and count them by this
    length = {"prompt_length": prompted["prompt_length"]} if "prompt_length" in prompted else {}

    def forward(ids: torch.Tensor, mask: torch.Tensor) -> States:
        features = transformer({"input_ids": ids, "attention_mask": mask.long(), **length})
        states: torch.Tensor = features["token_embeddings"]
        for module in others:
            features = module(features)
        return states, features["sentence_embedding"]

    return forward
