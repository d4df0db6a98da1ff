"""How inter-content alignment is trained: the model's size, what is masked, what is predicted, how it learns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from featurizer.errors import InputError

Size: TypeAlias = Literal["tiny", "small", "base"]
ImageTarget: TypeAlias = Literal["code", "feature"]
Pool: TypeAlias = Literal["cls", "mean"]
Precision: TypeAlias = Literal["float32", "bfloat16"]


@dataclass(frozen=True, slots=True)
class Architecture:
    """The cross-modality transformer.

    Attributes:
        width: d, the hidden state's length and so the unified space's.
        layers: blocks, all with one attention shared by both modalities.
        heads: attention heads; divides `width`.
        fused_layers: how many of the top blocks have one vision-language expert; those below have one expert
            a modality.
        expansion: an expert's inner width over `width`.
    """

    width: int = 256
    layers: int = 4
    heads: int = 4
    fused_layers: int = 2
    expansion: int = 2

    def __post_init__(self) -> None:
        if min(self.width, self.layers, self.heads, self.expansion) < 1 or self.width % self.heads:
            raise InputError(
                f"a transformer of width {self.width}, {self.layers} layers, {self.heads} heads and expansion "
                f"{self.expansion} cannot be built; expected positive numbers and heads that divide the width"
            )
        if not 0 <= self.fused_layers <= self.layers:
            raise InputError(
                f"{self.fused_layers} fused layers of {self.layers}; expected between 0 and {self.layers}"
            )


SIZES: Mapping[Size, Architecture] = {
    "tiny": Architecture(width=128, layers=2, heads=4, fused_layers=1),
    "small": Architecture(),
    "base": Architecture(width=768, layers=12, heads=12, fused_layers=3, expansion=4),
}
"""`base` is BEiT3-base's shape."""


@dataclass(frozen=True, slots=True)
class Masking:
    """What is hidden; ratios are BEiT3's.

    Attributes:
        image_ratio: share of a picture's patches, in blocks, where the picture is masked.
        text_ratio: share of a text's words, where the text of a paired item is masked.
        unpaired_text_ratio: the same for an item without a picture.
        hide_share: share of paired items that lose one whole modality, half of them each, so that the model
            learns to live with a missing one. The rest have either words or patches masked, never both, so
            that the other modality is there to predict them from.
    """

    image_ratio: float = 0.4
    text_ratio: float = 0.5
    unpaired_text_ratio: float = 0.15
    hide_share: float = 0.2

    def __post_init__(self) -> None:
        for name in ("image_ratio", "text_ratio", "unpaired_text_ratio"):
            if not 0 < getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; expected a share above 0 and below 1")
        if not 0 <= self.hide_share <= 1:
            raise InputError(f"hide_share is {self.hide_share}; expected a share from 0 to 1")


@dataclass(frozen=True, slots=True)
class Objective:
    """What is predicted, and how much each part counts.

    Attributes:
        image_target: `code`: a masked patch's entry in the codebook (cross-entropy); `feature`: the frozen
            token itself (1 − cosine).
        codes: entries of the codebook.
        tokens: weight of masked tokens predicted at their own positions.
        cls: weight of the same tokens predicted from the CLS state and their position alone; without it no
            loss would reach the last CLS state.
        pooled: weight of the frozen pooled vector of the masked or hidden modality, predicted from CLS.
        contrastive: weight of InfoNCE between the CLS of the picture alone and of the text alone; 0 is off.
        temperature: of that InfoNCE.
        copurchase: weight of InfoNCE between the CLS states of items bought together; 0 is off.
    """

    image_target: ImageTarget = "code"
    codes: int = 512
    tokens: float = 1.0
    cls: float = 1.0
    pooled: float = 1.0
    contrastive: float = 0.0
    temperature: float = 0.1
    copurchase: float = 0.0

    def __post_init__(self) -> None:
        weights = {
            name: getattr(self, name) for name in ("tokens", "cls", "pooled", "contrastive", "copurchase")
        }
        negative = [name for name, weight in weights.items() if not 0 <= weight < float("inf")]
        if negative or not any(weights.values()):
            raise InputError(f"loss weights {weights}; expected numbers from 0, at least one above")
        if self.codes < 2 or not self.temperature > 0:
            raise InputError(
                f"{self.codes} codes and temperature {self.temperature}; expected at least 2 and more than 0"
            )

    def terms(self) -> dict[str, float]:
        """Return the weights of the terms beyond mask-then-predict that are on, by name."""
        weights = {"contrastive": self.contrastive, "copurchase": self.copurchase}
        return {name: weight for name, weight in weights.items() if weight}


@dataclass(frozen=True, slots=True)
class Training:
    """How it learns.

    Attributes:
        epochs: passes over the train items at most.
        batch_size: items a process sees before a step, in `accumulate` parts.
        accumulate: forward and backward passes a step; changes memory, not the result.
        learning_rate: AdamW's at its peak; reached after `warmup` of all steps, then down a cosine to 0.
        weight_decay: on matrices only.
        warmup: share of all steps.
        clip: the gradient's largest norm.
        patience: epochs without a lower validation loss before it stops.
        valid_share: share of items that are held out.
        ema: decay of an averaged copy of the weights, which then is the model; 0 is off.
        precision: `bfloat16` is autocast.
        recompute: recompute activations in the backward pass (gradient checkpointing): less memory, more time.
        checkpoint_minutes: how often progress is saved within an epoch; it is saved after each epoch too.
        seed: of the split, the initial weights, the order and the masks.
    """

    epochs: int = 8
    batch_size: int = 64
    accumulate: int = 1
    learning_rate: float = 5e-4
    weight_decay: float = 0.05
    warmup: float = 0.1
    clip: float = 1.0
    patience: int = 3
    valid_share: float = 0.1
    ema: float = 0.0
    precision: Precision = "float32"
    recompute: bool = False
    checkpoint_minutes: float = 5.0
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch_size, self.accumulate, self.patience) < 1:
            raise InputError("epochs, batch size, accumulation and patience start at 1")
        if not 0 < self.valid_share < 1 or not 0 <= self.warmup < 1 or not 0 <= self.ema < 1:
            raise InputError(
                f"valid share {self.valid_share}, warm-up {self.warmup}, EMA {self.ema}; expected shares below 1, "
                "the first above 0"
            )
        if not self.learning_rate > 0 or not self.clip > 0 or not self.weight_decay >= 0:
            raise InputError("learning rate and gradient clipping lie above 0, weight decay at or above 0")


@dataclass(frozen=True, slots=True)
class IcaOptions:
    """Everything `pretrain-ica` can be told; all of it is part of the model's fingerprint.

    Attributes:
        pool: what the unified vector is: the last CLS state, or the mean of the last states.
    """

    architecture: Architecture = field(default_factory=Architecture)
    masking: Masking = field(default_factory=Masking)
    objective: Objective = field(default_factory=Objective)
    training: Training = field(default_factory=Training)
    pool: Pool = "cls"
