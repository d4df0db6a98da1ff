"""`featurizer extract`: a catalog becomes a feature set."""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from featurizer.cli import complete
from featurizer.cli.console import progress, result, result_json, say


class Dtype(StrEnum):
    """What vectors are stored in."""

    float32 = "float32"
    float16 = "float16"


class ComputeDtype(StrEnum):
    """What the models compute in."""

    float32 = "float32"
    float16 = "float16"
    bfloat16 = "bfloat16"


def extract(
    catalog: Annotated[Path, typer.Argument(help="A catalog folder.", metavar="CATALOG")],
    encoder: Annotated[
        list[str],
        typer.Option(
            "--encoder",
            "-e",
            autocompletion=complete.encoders,
            help="A preset, or family:model[@revision], or family:./folder, or NAME=…; repeat for more.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write the feature set into.")],
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:I or mps.")] = "auto",
    dtype: Annotated[Dtype, typer.Option(help="What vectors are stored in.")] = Dtype.float32,
    compute_dtype: Annotated[
        ComputeDtype, typer.Option(help="What the models compute in.")
    ] = ComputeDtype.float32,
    batch_size: Annotated[int, typer.Option(min=1, help="Items a model sees at once.")] = 32,
    shard_rows: Annotated[
        int, typer.Option(min=1, help="Items a shard; a killed run loses the shards in flight.")
    ] = 2048,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Threads that decode pictures.  [default: one a core, at most 8]"),
    ] = None,
    mask: Annotated[
        Literal["image", "text"] | None, typer.Option(help="Hide one modality from an encoder ica:DIR.")
    ] = None,
    max_failures: Annotated[
        int | None, typer.Option(min=0, help="Exit with 3 when more items failed.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a feature set of another configuration.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Encode every item of a catalog and write a feature set.

    Example: featurizer extract ./catalog --encoder clip --encoder minilm --out ./features
    """
    from featurizer.encoders.device import resolve_device
    from featurizer.operations.extract import Extract
    from featurizer.operations.operation import Target, work_of

    work = work_of(
        Extract,
        catalog=catalog,
        encoders=tuple(encoder),
        device=device,
        dtype=dtype.value,
        compute_dtype=compute_dtype.value,
        batch_size=batch_size,
        shard_rows=shard_rows,
        workers=workers,
        mask=mask,
    )
    loaded = work.load(out)
    where = resolve_device(device)
    for one in loaded:
        say(f"{one.spec.space}: {one.spec.dim} dimensions, {one.spec.family}:{one.spec.model} on {where}")
    with progress() as report:
        made = work.make(Target(out, overwrite, report), loaded)
    failures, failed = made.manifest["failures"], int(str(made.manifest["failed"]))
    assert isinstance(failures, dict)
    null = {name: int(str(spec["null"])) for name, spec in made.spaces.items()}
    summary = {
        "out": str(out),
        "rows": made.rows,
        "spaces": list(made.spaces),
        "null": null,
        "failures": failures,
    }
    if as_json:
        result_json(summary)
    else:
        result(f"{out}: {made.rows:,} items")
        result("\n".join(f"  {space}: {made.rows - count:,} vectors" for space, count in null.items()))
        result(
            "\n".join(f"  failed, {reason}: {count:,}" for reason, count in failures.items())
            or "  nothing failed"
        )
        say(f"Look inside with: featurizer inspect {shlex.quote(str(out))}")
    for space, count in null.items():
        if count == made.rows:
            say(
                f"warning: {space} is empty: no item has {made.spaces[space]['modality']} that could be used",
                always=True,
            )
    if max_failures is not None and failed > max_failures:
        say(f"{failed} items failed, more than the {max_failures} allowed", always=True)
        raise typer.Exit(3)
