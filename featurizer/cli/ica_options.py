"""The options of `featurizer pretrain-ica`, in groups named like the library's; None takes the default there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer


@dataclass(frozen=True)
class SizeChoice:
    """Options that replace those of the size's `Architecture`, by the same names."""

    width: Annotated[int | None, typer.Option(min=1, help="Length of the unified vector.")] = None
    layers: Annotated[int | None, typer.Option(min=1, help="Transformer blocks.")] = None
    heads: Annotated[int | None, typer.Option(min=1, help="Attention heads; divides the width.")] = None
    fused_layers: Annotated[
        int | None, typer.Option(min=0, help="Top blocks with one expert for both modalities.")
    ] = None
    expansion: Annotated[int | None, typer.Option(min=1, help="An expert's inner width over the width.")] = (
        None
    )


@dataclass(frozen=True)
class MaskingChoice:
    """Options that replace those of `Masking`."""

    image_ratio: Annotated[float | None, typer.Option(help="Share of patches masked.  [default: 0.4]")] = None
    text_ratio: Annotated[float | None, typer.Option(help="Share of words masked.  [default: 0.5]")] = None
    unpaired_text_ratio: Annotated[
        float | None, typer.Option(help="The same where there is no picture.  [default: 0.15]")
    ] = None
    hide_share: Annotated[
        float | None, typer.Option(help="Share of items that lose a whole modality.  [default: 0.2]")
    ] = None


@dataclass(frozen=True)
class ObjectiveChoice:
    """Options that replace those of `Objective`."""

    image_target: Annotated[
        Literal["code", "feature"] | None,
        typer.Option(help="A masked patch is predicted as a visual token, or itself.  [default: code]"),
    ] = None
    codes: Annotated[int | None, typer.Option(min=2, help="Visual tokens.  [default: 512]")] = None
    tokens: Annotated[
        float | None, typer.Option("--token-weight", help="Weight of masked tokens.  [default: 1]")
    ] = None
    cls: Annotated[
        float | None, typer.Option("--cls-weight", help="Weight of tokens guessed from CLS.  [default: 1]")
    ] = None
    pooled: Annotated[
        float | None, typer.Option("--pooled-weight", help="Weight of pooled vectors from CLS.  [default: 1]")
    ] = None
    contrastive: Annotated[
        float | None, typer.Option(help="Weight of image-text contrast.  [default: 0, off]")
    ] = None
    copurchase: Annotated[
        float | None,
        typer.Option(help="Weight of co-purchase contrast; needs --interactions.  [default: 0, off]"),
    ] = None


@dataclass(frozen=True)
class TrainingChoice:
    """Options that replace those of `Training`."""

    epochs: Annotated[int | None, typer.Option(min=1, help="At most so many.  [default: 8]")] = None
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Items a step, for each process.  [default: 64]")
    ] = None
    accumulate: Annotated[
        int | None, typer.Option(min=1, help="Parts that a batch is computed in.  [default: 1]")
    ] = None
    learning_rate: Annotated[
        float | None, typer.Option(min=0, help="AdamW's, at its peak.  [default: 5e-4]")
    ] = None
    weight_decay: Annotated[float | None, typer.Option(min=0, help="AdamW's.  [default: 0.05]")] = None
    warmup: Annotated[float | None, typer.Option(min=0, help="Share of steps.  [default: 0.1]")] = None
    clip: Annotated[float | None, typer.Option(min=0, help="Largest norm of the gradient.  [default: 1]")] = (
        None
    )
    patience: Annotated[
        int | None,
        typer.Option(min=1, help="Epochs without a lower validation loss before it stops.  [default: 3]"),
    ] = None
    valid_share: Annotated[float | None, typer.Option(help="Share of items held out.  [default: 0.1]")] = None
    ema: Annotated[
        float | None,
        typer.Option(help="Decay of averaged weights, which then are the model.  [default: 0, off]"),
    ] = None
    precision: Annotated[
        Literal["float32", "bfloat16"] | None, typer.Option(help="Autocast.  [default: float32]")
    ] = None
    recompute: Annotated[
        bool | None,
        typer.Option(
            "--recompute", help="Less memory, more time (gradient checkpointing).", show_default=False
        ),
    ] = None
    checkpoint_minutes: Annotated[
        float | None, typer.Option(min=0, help="How often an epoch's progress is saved.  [default: 5]")
    ] = None
    seed: Annotated[int | None, typer.Option(min=0, help="Of everything random.  [default: 0]")] = None


@dataclass(frozen=True)
class PretrainChoice:
    """Where it runs and what is kept and printed."""

    cache: Annotated[
        bool,
        typer.Option("--cache/--no-cache", help="Keep the frozen tokens in OUT/tokens.", show_default=False),
    ] = True
    interactions: Annotated[
        Path | None, typer.Option("--interactions", "-i", help="Who bought what, for --copurchase.")
    ] = None
    tensorboard: Annotated[Path | None, typer.Option(help="Folder for TensorBoard's event files too.")] = None
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:I or mps.")] = "auto"
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the result of another configuration.")
    ] = False
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False
