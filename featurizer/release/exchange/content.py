"""What goes out to another program's files and comes back from them: ids, spaces, interactions, what fills a gap."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

import numpy as np
import polars as pl

from featurizer.errors import InputError

BLOCK = 4096
"""Rows that are written at once."""
UNSAFE = ("\t", "\n", "\r", '"')
"""What an id in a tab-separated file of another program must not hold."""
NOT_A_NUMBER = frozenset(
    {"", "nan", "NaN", "NA", "N/A", "n/a", "<NA>", "null", "NULL", "None", "#N/A", "-nan", "-NaN"}
)
"""Ids that a reader of text tables takes for a missing value."""


class Rows(Protocol):
    """(n, d) numbers that slices are taken of: an array, or what reads them from disk."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Items and dimensions."""
        ...

    def __getitem__(self, some: slice, /) -> np.ndarray: ...


@dataclass(frozen=True, slots=True)
class ExchangedVectors:
    """One space on its way out or in.

    Attributes:
        name: of the space.
        modality: `image`, `text` or `both`.
        dtype: `float32` or `float16`, as the feature set stores it.
        source: of the (n items, d dim) rows, filled where absent.
        present: (n,) bool.
    """

    name: str
    modality: str
    dtype: str
    source: Rows
    present: np.ndarray

    @property
    def dim(self) -> int:
        """Numbers a vector."""
        return self.source.shape[1]

    @property
    def rows(self) -> np.ndarray:
        """All (n, d) rows, in memory at once; `blocks` takes less of it."""
        return self.source[:]

    def blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield which rows, and these (m, d) rows, a block in memory at a time."""
        for start in range(0, self.source.shape[0], BLOCK):
            some = slice(start, min(start + BLOCK, self.source.shape[0]))
            yield some, self.source[some]


@dataclass(frozen=True, slots=True)
class Content:
    """What one export writes.

    Attributes:
        name: of the data set; several formats name their files by it.
        item_ids: n ids, in the order of the rows; a sequence that may lie packed.
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


Missing: TypeAlias = Literal["zero", "mean", "error"]
"""What stands where a vector is missing; `error`: nothing does, one that is missing is refused."""


def refuse_missing(present: np.ndarray, missing: Missing, space: str) -> None:
    """Refuse (n,) vectors that are not all `present`, where nothing can or shall stand for them.

    Raises:
        InputError: some are missing and `missing` is `error`, or none is present to take the mean of.
    """
    absent = int((~present).sum())
    if absent and missing == "error":
        raise InputError(
            f"{space}: {absent} of {len(present)} items have no vector; expected one each with --missing error. "
            "Choose --missing zero or mean, or leave the space out with --space"
        )
    if absent == len(present) and missing == "mean":
        raise InputError(f"{space}: no item has a vector, so there is no mean; choose --missing zero")


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
