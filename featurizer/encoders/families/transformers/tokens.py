"""Tokens from Hugging Face transformers: the last hidden state of a vision, a text or either side of a dual model."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, cast

import torch
from PIL.Image import new as new_image
from torch.nn.functional import pad
from transformers import PreTrainedTokenizerBase
from transformers.utils import ModelOutput

from featurizer.encoders.base import EncoderRequest, Reads
from featurizer.encoders.families.transformers.encoder import (
    image_encoder,
    open_processor,
    open_tokenizer,
    processed_pixels,
    text_encoder,
    text_limit,
)
from featurizer.encoders.families.transformers.family import FAMILY
from featurizer.encoders.families.transformers.model import TransformersModel, open_model
from featurizer.encoders.families.transformers.pooling import text_pool, vision_pool
from featurizer.encoders.tokens import AnyTokenEncoder, ImageTokenEncoder, TextTokenEncoder, TokenSpec
from featurizer.encoders.torch_encoder import stacked
from featurizer.encoders.torch_tokens import States, Words, image_tokens, no_tokens, side_by_side, text_tokens
from featurizer.encoders.word_tokenizer import open_words

LAYER = "last_hidden_state"
Read: TypeAlias = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""Pictures to the last hidden state, in the model's own layout, and the vectors."""


def load(request: EncoderRequest) -> tuple[AnyTokenEncoder, ...]:
    """Load the token encoders of one transformers model; names and pooling as for its encoders.

    Raises:
        InputError: a side gives no tokens that lie on a grid, or its tokenizer counts no words.
        FeaturizerError: the model cannot be loaded.
    """
    loaded = open_model(request)
    if loaded.by_message:
        raise no_tokens(f"{FAMILY.name}:{request.model}", "reads pictures and texts in one message")
    if request.layer is not None:
        raise no_tokens(
            f"{FAMILY.name}:{request.model}", f"is read at layer {request.layer}, before its last"
        )
    build: dict[Reads, Callable[[TransformersModel], AnyTokenEncoder]] = {
        "image": _image_tokens,
        "text": _text_tokens,
    }
    return tuple(build[side](loaded) for side in loaded.sides)


def _image_tokens(loaded: TransformersModel) -> ImageTokenEncoder:
    processor = open_processor(loaded)
    encoder, pixels = image_encoder(loaded, processor), processed_pixels(processor, loaded.place)
    read = _read_pictures(loaded)
    blank = encoder.prepare(new_image("RGB", (64, 64)))
    run = stacked(read, loaded.place, pixels.normalize)
    with torch.no_grad():
        states = run([blank])[0]
    rows, columns, prefix = _grid(loaded, states, blank)

    def forward(pixels: torch.Tensor) -> States:
        states, pooled = read(pixels)
        return (side_by_side([states]) if states.ndim == 4 else states), pooled

    spec = TokenSpec(
        pooled=encoder.spec,
        dim=states.shape[1] if states.ndim == 4 else states.shape[2],
        layers=(LAYER,),
        grid=(rows, columns),
        prefix=prefix,
        max_tokens=prefix + rows * columns,
    )
    tokens = stacked(forward, loaded.place, pixels.normalize)
    return image_tokens(spec, encoder.prepare, tokens)


def _read_pictures(loaded: TransformersModel) -> Read:
    model = loaded.model
    pool = (lambda output: output.pooler_output) if loaded.is_dual else vision_pool(model, loaded.pooling)
    run = model.get_image_features if loaded.is_dual else model

    def read(pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        output: ModelOutput = run(pixel_values=pixels, **loaded.picture_options)
        return output.last_hidden_state, loaded.finish(pool(output))

    return read


def _grid(loaded: TransformersModel, states: torch.Tensor, picture: torch.Tensor) -> tuple[int, int, int]:
    """Return rows, columns and the number of tokens before them.

    Models of one resolution have a patch size. Those that merge patches (Swin) keep the picture's proportions.
    """
    if states.ndim == 4:
        return states.shape[2], states.shape[3], 0
    height, width = picture.shape[1:]
    tokens, prefix = states.shape[1], _prefix(loaded)
    rows = round(((tokens - prefix) * height / width) ** 0.5)
    columns = (tokens - prefix) // max(rows, 1)
    if rows < 1 or rows * columns + prefix != tokens:
        where = f"{FAMILY.name}:{loaded.request.model}"
        raise no_tokens(where, f"has {tokens} tokens a picture of {height}×{width}, which form no grid")
    return rows, columns, prefix


def _prefix(loaded: TransformersModel) -> int:
    """Count the tokens before the patches: class, distillation, registers."""
    tower = getattr(loaded.model, "vision_model", loaded.model)
    embeddings = getattr(tower, "embeddings", None)
    names = ("cls_token", "class_embedding", "distillation_token")
    named = sum(getattr(embeddings, name, None) is not None for name in names)
    config = getattr(loaded.model.config, "vision_config", loaded.model.config)
    return named + int(getattr(config, "num_register_tokens", 0))


def _text_tokens(loaded: TransformersModel) -> TextTokenEncoder:
    request, tokenizer = loaded.request, open_tokenizer(loaded)
    table = _embeddings(loaded)
    words = open_words(
        tokenizer,
        f"{FAMILY.name}:{request.model}",
        prompt=loaded.prompt,
        limit=text_limit(loaded, tokenizer),
        rows=table.num_embeddings,
    )
    forward = _read_texts(loaded, words, tokenizer)
    encoder = text_encoder(loaded, tokenizer)
    return text_tokens(encoder, words, LAYER, device=request.device, forward=forward, embedding=table)


def _embeddings(loaded: TransformersModel) -> torch.nn.Embedding:
    tower = getattr(loaded.model, "text_model", loaded.model)
    try:
        return cast("torch.nn.Embedding", tower.get_input_embeddings())
    except NotImplementedError as error:
        where = f"{FAMILY.name}:{loaded.request.model}"
        raise no_tokens(
            where, f"is a {type(tower).__name__}, which keeps its input embeddings to itself"
        ) from error


def _read_texts(
    loaded: TransformersModel, words: Words, tokenizer: PreTrainedTokenizerBase
) -> Callable[[torch.Tensor, torch.Tensor], States]:
    model = loaded.model
    run = model.get_text_features if loaded.is_dual else model
    pool = None if loaded.is_dual else text_pool(loaded.pooling)
    typed = "token_type_ids" in loaded.inputs and "token_type_ids" in tokenizer.model_input_names

    def forward(ids: torch.Tensor, mask: torch.Tensor) -> States:
        length = ids.shape[1]
        missing = words.limit - length if loaded.reads_padding else 0
        filled = pad(ids, (0, missing), value=words.padding_id)
        seen = pad(mask, (0, missing), value=False).long()
        inputs = {"input_ids": filled, "attention_mask": seen}
        inputs |= {"token_type_ids": torch.zeros_like(filled)} if typed else {}
        output: ModelOutput = run(**{name: inputs[name] for name in loaded.inputs if name in inputs})
        pooled = pool(output, seen) if pool else output.pooler_output
        return output.last_hidden_state[:, :length], loaded.finish(pooled)

    return forward
