"""Text tokens from Sentence Transformers: its transformer's states, and the whole pipeline's vector."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import torch

from featurizer.encoders.base import EncoderRequest
from featurizer.encoders.families.sentence_transformers.encoder import (
    SentenceTransformersModel,
    open_model,
)
from featurizer.encoders.families.sentence_transformers.family import FAMILY
from featurizer.encoders.tokens import TextTokenEncoder
from featurizer.encoders.torch_tokens import States, no_tokens, text_tokens
from featurizer.encoders.word_tokenizer import open_words

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def load(request: EncoderRequest) -> tuple[TextTokenEncoder, ...]:
    """Load the token encoder of one Sentence Transformers model; names as for its encoder.

    The states are those of the first module; the others (pooling, dense layers, normalization) make the
    vector from them.

    Raises:
        InputError: the first module is no transformer, or its tokenizer counts no words.
        FeaturizerError: the model cannot be loaded.
    """
    loaded = open_model(request)
    model = _transformer(loaded)
    table = cast("torch.nn.Embedding", model.get_input_embeddings())
    words = open_words(
        loaded.model.tokenizer,
        f"{FAMILY.name}:{request.model}",
        prompt=loaded.prompt or "",
        limit=loaded.model.max_seq_length,
        rows=table.num_embeddings,
    )
    encoder = loaded.encoder()
    return (text_tokens(encoder, words, "last_hidden_state", request.device, _pipeline(loaded), table),)


def _transformer(loaded: SentenceTransformersModel) -> PreTrainedModel:
    from sentence_transformers.sentence_transformer.modules import Transformer

    first = loaded.model[0]
    if not isinstance(first, Transformer):
        raise no_tokens(f"{FAMILY.name}:{loaded.spec.model}", f"starts with a {type(first).__name__} module")
    return first.model


def _pipeline(loaded: SentenceTransformersModel) -> Callable[[torch.Tensor, torch.Tensor], States]:
    """Return the function through all modules that keeps what leaves the first."""
    transformer, *others = loaded.model
    prompted = loaded.model.preprocess(["text"], prompt=loaded.prompt) if loaded.prompt else {}
    # some pipelines leave the prompt's tokens out of the pooling, and count them by this
    length = {"prompt_length": prompted["prompt_length"]} if "prompt_length" in prompted else {}

    def forward(ids: torch.Tensor, mask: torch.Tensor) -> States:
        features = transformer({"input_ids": ids, "attention_mask": mask.long(), **length})
        states: torch.Tensor = features["token_embeddings"]
        for module in others:
            features = module(features)
        return states, features["sentence_embedding"]

    return forward
