"""What goes out to another program's files and comes back from them: ids, spaces, interactions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
import polars as pl

from featurizer.errors import InputError

UNSAFE = ("\t", "\n", "\r", '"')
"""What an id in a tab-separated file of another program must not hold."""
NOT_A_NUMBER = frozenset(
    {"", "nan", "NaN", "NA", "N/A", "n/a", "<NA>", "null", "NULL", "None", "#N/A", "-nan", "-NaN"}
)
"""Ids that a reader of text tables takes for a missing value."""


@dataclass(frozen=True, slots=True)
class ExchangedVectors:
    """One space on its way out or in.

    Attributes:
        name: of the space.
        modality: `image`, `text` or `both`.
        dtype: `float32` or `float16`, as the feature set stores it.
        rows: (n items, d dim), filled where absent.
        present: (n,) bool.
    """

    name: str
    modality: str
    dtype: str
    rows: np.ndarray
    present: np.ndarray


@dataclass(frozen=True, slots=True)
class Content:
    """What one export writes.

    Attributes:
        name: of the data set; several formats name their files by it.
        item_ids: n ids, in the order of the rows.
        spaces: in the order asked for.
        interactions: user_id, item_id, timestamp, rating, split; None when none were given.
    """

    name: str
    item_ids: Sequence[str]
    spaces: Sequence[ExchangedVectors]
    interactions: pl.DataFrame | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What one import reads: ids, and (n, dim) vectors a space; `present` only where the format itself says it."""

    item_ids: list[str]
    vectors: Mapping[str, np.ndarray]
    present: Mapping[str, np.ndarray] = field(default_factory=dict)


Files: TypeAlias = Mapping[str, str]
"""Which file or folder, relative to the export's folder, holds which space."""
Write: TypeAlias = Callable[[Content, Path], Files]
Read: TypeAlias = Callable[[Path, Files], Found]
Select: TypeAlias = Callable[[Path, Files, Sequence[str]], Found]
Guess: TypeAlias = Callable[[Path], Files]


@dataclass(frozen=True, slots=True)
class Format:
    """One format.

    Attributes:
        name: as `--format` takes it.
        write: writes content into a folder and returns where each space went; None when the format is only read.
        read: reads the spaces that it is told of.
        guess: finds the spaces of files that something else wrote, without a sidecar.
        nulls: whether the format can say that a vector is missing; else missing rows are filled.
        select: reads some items alone, where files hold many more than are wanted.
        only_used: whether the format numbers the items of the interactions and has room for no others.
    """

    name: str
    read: Read
    guess: Guess
    write: Write | None = None
    nulls: bool = False
    only_used: bool = False
    select: Select | None = None


def one_a_modality(content: Content, slots: Mapping[str, str]) -> dict[str, str]:
    """Give each space the file that the format has for its modality.

    Raises:
        InputError: two spaces want one file.
    """
    taken: dict[str, str] = {}
    for space in content.spaces:
        file = slots[space.modality]
        if file in taken.values():
            other = next(name for name, slot in taken.items() if slot == file)
            raise InputError(
                f"{other} and {space.name} would both be {file}; the format has room for one space each of "
                "pictures and texts. Choose with --space, once or twice"
            )
        taken[space.name] = file
    return taken


def check_text_ids(ids: Sequence[str], kind: str) -> None:
    """Refuse ids that a tab-separated file of another program would lose or split.

    Raises:
        InputError: names the first of them.
    """
    for text in ids:
        if text in NOT_A_NUMBER or text != text.strip() or any(character in text for character in UNSAFE):
            raise InputError(
                f"the {kind} id {text!r} cannot stand in this format's tab-separated files: it is empty, reads as "
                "'no value', begins or ends with white space, or holds a tab, a quote or a line break. "
                "Export as npy, safetensors or lance, which keep any id"
            )


def partitions(interactions: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return the interactions by split, or under `all` when they have none.

    Raises:
        InputError: some rows have a split and some have none.
    """
    missing = interactions["split"].null_count()
    if missing == interactions.height:
        return {"all": interactions}
    if missing:
        raise InputError(
            f"{missing} of {interactions.height} interactions have no split; expected train, valid or test in "
            "every row, or in none"
        )
    return {name: interactions.filter(pl.col("split") == name) for name in ("train", "valid", "test")}
