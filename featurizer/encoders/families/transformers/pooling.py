"""How a transformer's token states become one vector, and which way a model means it to happen."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature

import torch
from transformers import PreTrainedModel
from transformers.utils import ModelOutput

from featurizer.errors import InputError

POOLINGS = ("cls", "mean", "lasttoken", "pooler")
"""First token; mean over the tokens that are text or patches; last token of a text; the model's own pooling layer."""


def check_pooling(name: str | None) -> None:
    """Stop when a pooling has no meaning here.

    Raises:
        InputError: it is none of `POOLINGS`.
    """
    if name is not None and name not in POOLINGS:
        raise InputError(f"unknown pooling '{name}'; expected {', '.join(POOLINGS)}")


def own_vision_pooling(model: PreTrainedModel) -> str:
    """Say how a vision model's vectors are usually taken.

    BEiT's fine-tuned models average patches inside their pooling layer; models with a class token (ViT,
    DeiT, DINOv2) are read off there, since ViT's pooling layer is often untrained; the rest (Swin, ConvNeXt,
    ResNet) pool last.
    """
    if getattr(model.config, "use_mean_pooling", False):
        return "pooler"
    return "cls" if hasattr(getattr(model, "embeddings", None), "cls_token") else "pooler"


def own_text_pooling(model: PreTrainedModel) -> str:
    """Say how a text model's vectors are taken where its checkpoint does not: last token of a decoder, else the mean.

    In a causal model a token has seen what stands before it alone, so only the last has read the whole text.
    """
    return "lasttoken" if is_causal(model) else "mean"


@torch.inference_mode()
def is_causal(model: PreTrainedModel) -> bool:
    """Find out whether a text model reads from left to right: what comes last then changes no state before it.

    Asked of the model itself, since decoders are also trained without the causal mask, and encoders with it.
    """
    size = model.get_input_embeddings().num_embeddings
    ids = torch.tensor([[7, 8, 9, 10], [7, 8, 9, 11]], device=model.device) % size
    states = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[:, :-1].float()
    return bool((states[0] - states[1]).abs().max() <= 1e-6 * states.abs().max())


def drop_unused_pooler(model: PreTrainedModel, pooling: str) -> None:
    """Remove a pooling layer that is not asked for: where a checkpoint lacks it, its weights are random."""
    if pooling != "pooler" and "add_pooling_layer" in signature(type(model).__init__).parameters:
        model.pooler = None


def vision_pool(model: PreTrainedModel, pooling: str) -> Callable[[ModelOutput], torch.Tensor]:
    """Return the function from a vision model's output to its (b, dim) vectors."""
    if pooling == "pooler":
        return lambda output: output.pooler_output.flatten(1)
    if pooling == "cls":
        return lambda output: output.last_hidden_state[:, 0]
    prefix = _prefix_tokens(model)
    return lambda output: output.last_hidden_state[:, prefix:].float().mean(dim=1)


def text_pool(pooling: str) -> Callable[[ModelOutput, torch.Tensor], torch.Tensor]:
    """Return the function from a text model's output and its (b, t) attention mask to (b, dim) vectors.

    Padding stands on the right, and a text has one token at least.
    """
    if pooling == "pooler":
        return lambda output, mask: output.pooler_output
    if pooling == "cls":
        return lambda output, mask: output.last_hidden_state[:, 0]
    if pooling == "lasttoken":
        return lambda output, mask: _last(output.last_hidden_state, mask)
    return lambda output, mask: masked_mean(output.last_hidden_state, mask)


def masked_mean(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Average (b, t, d) states over the tokens whose (b, t) mask is 1, in float32."""
    weights = mask.unsqueeze(-1).float()
    return (states.float() * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)


def _last(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    rows = torch.arange(len(states), device=states.device)
    return states[rows, mask.sum(dim=1).long() - 1]


def _prefix_tokens(model: PreTrainedModel) -> int:
    """Count the tokens before the patches: class, distillation, registers."""
    embeddings = getattr(model, "embeddings", None)
    named = sum(hasattr(embeddings, name) for name in ("cls_token", "distillation_token"))
    return named + int(getattr(model.config, "num_register_tokens", 0))
