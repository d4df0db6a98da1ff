"""The options of `featurizer score-features`, in groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from featurizer.errors import InputError
from featurizer.recsys.options import ModelName


@dataclass(frozen=True)
class WhatChoice:
    """What is scored, by what."""

    space: Annotated[
        list[str] | None,
        typer.Option(
            help="A space; a+b joins two. Repeat for more.  [default: all, and each image+text pair]",
            show_default=False,
        ),
    ] = None
    metrics: Annotated[
        str,
        typer.Option(help="Of zero-shot, item-cf, mask-modality, downstream, diagnostics, and your own."),
    ] = "zero-shot,item-cf"
    transform: Annotated[
        str, typer.Option(help="Geometry: none, center, whiten; several are reported side by side.")
    ] = "none"
    k: Annotated[str, typer.Option("--k", "-k", help="Lengths of the lists.")] = "10,20"
    neighbors: Annotated[str, typer.Option(help="Of item-CF.")] = "10,20,50"


@dataclass(frozen=True)
class MaskChoice:
    """Mask-modality, and training."""

    masked: Annotated[
        list[str] | None,
        typer.Option(
            help="image=DIR or text=DIR: the set encoded without that modality, for spaces of both.",
            show_default=False,
        ),
    ] = None
    ratios: Annotated[str, typer.Option(help="Shares of the items that lose the modality.")] = (
        "0,.25,.5,.75,1"
    )
    downstream: Annotated[bool, typer.Option("--downstream", help="Train on the masked spaces, too.")] = False
    model: Annotated[ModelName, typer.Option(help="What downstream trains.")] = "alignrec"
    epochs: Annotated[
        int | None, typer.Option(min=1, help="At most so many.  [default: the model's]", show_default=False)
    ] = None
    seeds: Annotated[int, typer.Option(min=1, help="Of each training.")] = 3
    trials: Annotated[
        int, typer.Option(min=0, help="Of a search on validation before each training; 0 for none.")
    ] = 0


@dataclass(frozen=True)
class DataChoice:
    """What of the interactions is used."""

    split: Annotated[str, typer.Option(help="Whose positives are ranked for.")] = "valid,test"
    users: Annotated[
        int | None, typer.Option(min=1, help="Rank for so many users at most, drawn by --seed.")
    ] = None
    item_map: Annotated[
        Path | None,
        typer.Option(help="CSV or TSV with asin and itemID, when the interactions number the items."),
    ] = None
    min_coverage: Annotated[
        float, typer.Option(min=0, max=1, help="Least share of train pairs whose items every set has.")
    ] = 0.5


@dataclass(frozen=True)
class RunChoice:
    """Where and how it runs."""

    seed: Annotated[int, typer.Option(help="Of everything drawn.")] = 0
    memory: Annotated[str, typer.Option(help="What a block of scores may take.")] = "1GiB"
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:I.")] = "auto"
    attach: Annotated[
        bool, typer.Option("--attach", help="Write each feature set's scores into it and its card.")
    ] = False
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace scores of another configuration.")
    ] = False
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False


def listed(text: str) -> tuple[str, ...]:
    """Split `a,b` into its parts, each once."""
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def named(name: str, text: str, such_as: str) -> tuple[str, ...]:
    """Read `a,b` as names, whatever they are.

    Raises:
        InputError: there is none.
    """
    parts = listed(text)
    if not parts:
        raise InputError(f"--{name} {text!r}: expected one or more with commas, such as {such_as}")
    return parts


def numbers(name: str, text: str) -> tuple[int, ...]:
    """Read `10,20` as increasing numbers.

    Raises:
        InputError: a part is no positive whole number, or there is none.
    """
    parts = listed(text)
    if not parts or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise InputError(f"--{name} {text}: expected whole numbers above 0 with commas, such as 10,20")
    return tuple(sorted(set(map(int, parts))))


def chosen(name: str, text: str, known: Sequence[str]) -> tuple[str, ...]:
    """Read `a,b` as names that are known.

    Raises:
        InputError: a name is not known, or there is none.
    """
    parts = listed(text)
    if not parts or not set(parts) <= set(known):
        raise InputError(f"--{name} {text}: expected one or more of {', '.join(known)}, with commas")
    return parts


def shares(name: str, text: str) -> tuple[float, ...]:
    """Read `0,.5,1` as increasing shares.

    Raises:
        InputError: a part is no number from 0 to 1, or there is none.
    """
    try:
        found = sorted({float(part) for part in listed(text)})
    except ValueError:
        found = []
    if not found or not 0 <= found[0] <= found[-1] <= 1:
        raise InputError(f"--{name} {text}: expected numbers from 0 to 1 with commas, such as 0,.5,1")
    return tuple(found)


def folders(name: str, given: Sequence[str], known: Sequence[str]) -> dict[str, list[Path]]:
    """Read `image=DIR` options as folders by what stands before the sign.

    Raises:
        InputError: one has another form.
    """
    found: dict[str, list[Path]] = {}
    for text in given:
        kind, _, folder = text.partition("=")
        if kind not in known or not folder:
            raise InputError(f"--{name} {text}: expected {' or '.join(f'{one}=DIR' for one in known)}")
        found.setdefault(kind, []).append(Path(folder))
    return found
