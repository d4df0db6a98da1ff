"""How a transformer's token states become one vector, and which way a model means it to happen."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature

import torch
from transformers import PreTrainedModel
from transformers.utils import ModelOutput

from featurizer.errors import InputError

POOLINGS = ("cls", "mean", "pooler")
"""First token; mean over the tokens that are text or patches; the model's own pooling layer."""


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
    """Return the function from a text model's output and its (b, t) attention mask to (b, dim) vectors."""
    if pooling == "pooler":
        return lambda output, mask: output.pooler_output
    if pooling == "cls":
        return lambda output, mask: output.last_hidden_state[:, 0]
    return lambda output, mask: masked_mean(output.last_hidden_state, mask)


def masked_mean(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Average (b, t, d) states over the tokens whose (b, t) mask is 1, in float32."""
    weights = mask.unsqueeze(-1).float()
    return (states.float() * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)


def _prefix_tokens(model: PreTrainedModel) -> int:
    """Count the tokens before the patches: class, distillation, registers."""
    embeddings = getattr(model, "embeddings", None)
    named = sum(hasattr(embeddings, name) for name in ("cls_token", "distillation_token"))
    return named + int(getattr(model.config, "num_register_tokens", 0))
