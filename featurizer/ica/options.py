"""How inter-content alignment is trained: the model's size, what is masked, what is predicted, how it learns."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from featurizer.config import Config, Flag
from featurizer.errors import InputError

Size: TypeAlias = Literal["tiny", "small", "base"]
ImageTarget: TypeAlias = Literal["code", "feature"]
Pool: TypeAlias = Literal["cls", "mean"]
Precision: TypeAlias = Literal["float32", "bfloat16"]
Method: TypeAlias = Literal["latent", "alignrec"]

Positive: TypeAlias = Annotated[int, Field(ge=1)]
Weight: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Inner: TypeAlias = Annotated[float, Field(gt=0, lt=1)]


class Architecture(Config):
    """The cross-modality transformer."""

    width: Positive = 256
    """Length of the hidden states, and under alignrec of the unified vector."""
    layers: Positive = 4
    """Transformer blocks, all with one attention shared by both modalities."""
    heads: Positive = 4
    """Attention heads; divides the width."""
    fused_layers: Annotated[int, Field(ge=0)] = 2
    """Top blocks with one expert for both modalities; those below have one each."""
    expansion: Positive = 2
    """An expert's inner width over the width."""

    @model_validator(mode="after")
    def _check(self) -> Architecture:
        if self.width % self.heads:
            raise InputError(
                f"a transformer of width {self.width} cannot have {self.heads} heads; expected "
                "heads that divide the width"
            )
        if self.fused_layers > self.layers:
            raise InputError(
                f"{self.fused_layers} fused layers of {self.layers}; expected between 0 and {self.layers}"
            )
        return self


SIZES: Mapping[Size, Architecture] = MappingProxyType(
    {
        "tiny": Architecture(width=128, layers=2, heads=4, fused_layers=1),
        "small": Architecture(),
        "base": Architecture(width=768, layers=12, heads=12, fused_layers=3, expansion=4),
    }
)
"""`base` is BEiT3-base's shape."""


class Masking(Config):
    """What is hidden; ratios are BEiT3's.

    Items that lose no whole modality have either words or patches masked, never both, so that the other modality
    is there to predict them from.
    """

    image_ratio: Inner = 0.4
    """Share of a picture's patches that are masked, in blocks."""
    text_ratio: Inner = 0.5
    """Share of a text's words that are masked, where there is a picture too."""
    unpaired_text_ratio: Inner = 0.15
    """The same where there is no picture."""
    hide_share: Annotated[float, Field(ge=0, le=1)] = 0.6
    """Share of the items with both that lose one whole modality, half of them each."""


class Objective(Config):
    """What is predicted, and how much each part counts."""

    method: Annotated[Method, Flag("--objective")] = "latent"
    """latent: from a masked view the join of the whole item; alignrec: the masked tokens alone, as the paper says."""
    latent: Annotated[Weight, Flag("--latent-weight")] = 5.0
    """Weight of what the join holds of the masked or hidden modality; of latent alone."""
    image_target: ImageTarget = "code"
    """A masked patch is predicted as its entry in the codebook, or as the frozen token itself."""
    codes: Annotated[int, Field(ge=2)] = 512
    """Entries of the codebook of visual tokens."""
    tokens: Annotated[Weight, Flag("--token-weight")] = 1.0
    """Weight of masked tokens predicted at their own positions."""
    cls: Annotated[Weight, Flag("--cls-weight")] = 1.0
    """Weight of the same tokens predicted from the CLS state and their position alone."""
    pooled: Annotated[Weight, Flag("--pooled-weight")] = 1.0
    """Weight of the frozen pooled vector of what is masked or hidden, predicted from CLS."""
    contrastive: Weight = 0.0
    """Weight of InfoNCE between the CLS of the picture alone and of the text alone; 0 is off."""
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.1
    """Temperature of the contrastive terms."""
    copurchase: Weight = 0.0
    """Weight of InfoNCE between the CLS states of items bought together; needs --interactions; 0 is off."""

    @model_validator(mode="after")
    def _check(self) -> Objective:
        own = ("latent",) if self.method == "latent" else ()
        names = (*own, "tokens", "cls", "pooled", "contrastive", "copurchase")
        weights = {name: getattr(self, name) for name in names}
        if not any(weights.values()):
            raise InputError(f"loss weights {weights}; expected at least one above 0")
        return self

    def terms(self) -> dict[str, float]:
        """Return the weights of the terms beyond mask-then-predict that are on, by name."""
        weights = {"contrastive": self.contrastive, "copurchase": self.copurchase}
        return {name: weight for name, weight in weights.items() if weight}


class Training(Config):
    """How it learns."""

    epochs: Annotated[int, Field(ge=0)] = 6
    """Passes over the train items at most; 0 leaves the start as it is."""
    batch_size: Positive = 128
    """Items a step, for each process."""
    accumulate: Positive = 1
    """Parts that a batch is computed in: changes memory, not the result."""
    learning_rate: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 5e-4
    """AdamW's at its peak: reached after the warm-up, then down a cosine to 0."""
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.05
    """AdamW's, on matrices only."""
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of all steps."""
    clip: Annotated[float, Field(gt=0)] = 1.0
    """Largest norm of the gradient."""
    patience: Positive = 3
    """Epochs without a better one before it stops."""
    valid_share: Inner = 0.1
    """Share of items held out."""
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Decay of averaged weights, which then are the model; 0 is off."""
    precision: Precision = "float32"
    """What the passes compute in: bfloat16 is autocast."""
    recompute: bool = False
    """Recompute activations in the backward pass (gradient checkpointing): less memory, more time."""
    checkpoint_minutes: Annotated[float, Field(ge=0)] = 5.0
    """How often an epoch's progress is saved; it is saved after each epoch too."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of the held-out items, the first weights, the order and the masks."""


class IcaOptions(Config):
    """Everything `pretrain-ica` can be told; all of it is part of the model's fingerprint."""

    architecture: Architecture = Architecture()
    masking: Masking = Masking()
    objective: Objective = Objective()
    training: Training = Training()
    pool: Pool = "cls"
    """What is read of the last states: the CLS's, or the mean of all; under alignrec that is the unified vector."""
