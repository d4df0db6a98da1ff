"""`featurizer pretrain-ica`: a catalog's pictures and texts become one feature an item."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from featurizer.cli.command import given, grouped
from featurizer.cli.console import progress, result, result_json, say, table
from featurizer.cli.ica_options import (
    MaskingChoice,
    ObjectiveChoice,
    PretrainChoice,
    SizeChoice,
    TrainingChoice,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from featurizer.ica.pretrain import Pretrained
    from featurizer.records import Json


@grouped
def pretrain_ica(
    catalog: Annotated[Path, typer.Argument(help="A catalog folder.", metavar="CATALOG")],
    vision: Annotated[str, typer.Option(help="The vision encoder, as for extract --encoder.")],
    text: Annotated[str, typer.Option(help="The text encoder, likewise.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for model/, features/ and tokens/.")],
    *,
    size: Annotated[
        Literal["tiny", "small", "base"], typer.Option(help="The transformer: 128×2, 256×4 or 768×12.")
    ] = "small",
    form: SizeChoice,
    pool: Annotated[
        Literal["cls", "mean"], typer.Option(help="What the unified vector is: the CLS state, or the mean.")
    ] = "cls",
    words: Annotated[
        Literal["contextual", "static"],
        typer.Option(
            "--word-states", help="Word pieces: states re-encoded under the mask, or input embeddings."
        ),
    ] = "contextual",
    masking: MaskingChoice,
    objective: ObjectiveChoice,
    training: TrainingChoice,
    run: PretrainChoice,
) -> None:
    """Train AlignRec's inter-content alignment (ICA) on a catalog: mask, then predict across image and text.

    Both encoders stay frozen. Several processes: torchrun --nproc-per-node N -m featurizer pretrain-ica …

    Example: featurizer pretrain-ica ./catalog --vision efficientnet-lite0 --text minilm --out ./ica
    """
    from featurizer.operations.operation import Target, work_of
    from featurizer.operations.pretrain_ica import PretrainIca
    from featurizer.training.tracking import tensorboard_writer

    work = work_of(
        PretrainIca,
        catalog=catalog,
        vision=vision,
        text=text,
        size=size,
        pool=pool,
        word_states=words,
        architecture=given(form),
        masking=given(masking),
        objective=given(objective),
        training=given(training),
        interactions=run.interactions,
        cache=run.cache,
        device=run.device,
    )
    track = tensorboard_writer(run.tensorboard)
    with progress() as report:
        made = work.make(Target(out, run.overwrite, report), track)
    if run.as_json:
        result_json({"out": str(out), **_summary(made)})
    else:
        _print(made)


def _summary(made: Pretrained) -> Mapping[str, Json]:
    kept = ("train_items", "valid_items", "epochs", "best_epoch", "valid_loss", "masked_accuracy", "leak")
    return {name: made.manifest[name] for name in kept} | {"spaces": list(made.features.spaces)}


def _print(made: Pretrained) -> None:
    manifest, features = made.manifest, made.features
    result(
        f"{made.folder}: trained on {manifest['train_items']} items, best of {manifest['epochs']} epochs: "
        f"{manifest['best_epoch']}, validation loss {manifest['valid_loss']:.4f}"
    )
    accuracy, leaks = manifest["masked_accuracy"], manifest["leak"]
    assert isinstance(accuracy, list)
    assert isinstance(leaks, list)
    rows = [
        [
            f"masked {row['side']}",
            f"{row['present']:.3f}",
            f"{row['absent']:.3f}",
            f"{row['gain']:+.3f} [{row['gain_low']:+.3f}, {row['gain_high']:+.3f}]",
            f"{row['majority']:.3f}",
        ]
        for row in accuracy
        if isinstance(row, dict)
    ]
    header = ["held-out accuracy", "with the other modality", "without", "gain [95 %]", "majority class"]
    result(table(header, rows))
    told = [
        [str(row["tokens"]), f"{row['accuracy']:.3f}", f"{row['majority']:.3f}"]
        for row in leaks
        if isinstance(row, dict)
    ]
    result(table(["neighbors alone give away", "a linear probe", "majority class"], told))
    result("\n".join(f"  {name}: {features.rows:,} items" for name in features.spaces))
    folder = shlex.quote(str(made.folder))
    say(f"Look inside with: featurizer inspect {folder}/features")
    say(f"Compare the spaces with: featurizer score-features {folder}/features --interactions FILE")
    say(f"Apply it to new items with: featurizer extract CATALOG --encoder ica:{folder} --out DIR")
