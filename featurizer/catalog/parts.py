"""The parts of a catalog: a source is read one after the other, and pictures are asked for on the way."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path
from typing import Final, TypeAlias

import pyarrow as pa

from featurizer.catalog.arrivals import Arrivals
from featurizer.catalog.journal import Slot
from featurizer.catalog.old_catalog import OldPicture
from featurizer.catalog.part import OpenPart
from featurizer.catalog.schema import has_several, rows_to_table
from featurizer.catalog.source import ItemSource
from featurizer.catalog.store import PART_ROWS, part_path
from featurizer.catalog.text import TextRecipe
from featurizer.errors import InputError
from featurizer.records import ImageRef, ItemRecord

CARRIED: Final = 32
"""Pictures that a source carries itself and that wait to be looked at: so many are in memory."""
ASKED_AT_ONCE: Final = 100
"""Pictures that are asked for while the rest of their part is read."""

WithOld: TypeAlias = tuple[ItemRecord, Sequence[OldPicture | None]]
"""An item, and which each of its pictures was before."""


@dataclass(frozen=True, slots=True)
class PartPlan:
    """What is made of what; another process can be sent it.

    Attributes:
        source: the items.
        folder: the catalog's.
        recipe: how the text is rendered.
        schema: of the parts.
        images: False leaves every picture out.
        rows: items a part.
    """

    source: ItemSource
    folder: Path
    recipe: TextRecipe
    schema: pa.Schema
    images: bool = True
    rows: int = PART_ROWS


@dataclass(frozen=True, slots=True)
class Share:
    """Every n-th part.

    Attributes:
        number: from which on, from 1.
        of: n.
    """

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number} of {self.of}"


EVERYTHING: Final = Share(1, 1)


def write_parts(
    plan: PartPlan, arrivals: Arrivals, records: Iterable[WithOld], share: Share = EVERYTHING
) -> int:
    """Write the parts that are not there, and return how many a catalog of these items has.

    Args:
        plan: what is made.
        arrivals: fetches the pictures; open until all have come.
        records: all items, with the pictures that they had.
        share: those that are made here.
    """
    records, parts = iter(records), 0
    with arrivals:
        reader = _Reader(arrivals, plan)
        for index in count():
            items = islice(records, plan.rows)
            path = part_path(plan.folder, index)
            found = (
                reader.read(path, items) if index % share.of == share.number - 1 else sum(1 for _ in items)
            )
            parts += bool(found)
            if found < plan.rows:
                break
    return parts


class _Reader:
    """Reads part after part of a source, and asks for its pictures."""

    def __init__(self, arrivals: Arrivals, plan: PartPlan) -> None:
        self._arrivals, self._plan = arrivals, plan
        self._several = has_several(plan.schema)
        self._carried = threading.BoundedSemaphore(CARRIED)

    def read(self, path: Path, records: Iterator[WithOld]) -> int:
        """Read one part, unless it is there; return its items."""
        if path.exists():
            found = sum(1 for _ in records)
            self._arrivals.skip(found)
            return found
        part: OpenPart | None = None
        held: list[ItemRecord] = []
        asks = []
        for row, (record, old) in enumerate(records):
            part = part or self._arrivals.open(path)
            refs = record.images if self._plan.images else (ImageRef(),)
            if len(refs) > 1 and not self._several:
                raise InputError(
                    f"the item {record.item_id!r} has {len(refs)} pictures, and its source says that none has "
                    "more than one; expected its attribute `several` to be true"
                )
            for place, (ref, known) in enumerate(zip(refs, old, strict=False)):
                if ref.data is not None:
                    self._ask_carried(part, (row, place), ref)
                elif (ask := part.ask((row, place), ref, old=known)) is not None:
                    asks.append(ask)
            held.append(_without_data(record))
            if len(asks) >= ASKED_AT_ONCE:
                self._arrivals.submit(asks)
                asks = []
        if part is not None:
            self._arrivals.submit(asks)
            part.close(rows_to_table(held, self._plan.recipe, self._plan.schema))
        return len(held)

    def _ask_carried(self, part: OpenPart, slot: Slot, ref: ImageRef) -> None:
        """Ask for a picture that is in memory already, and wait where too many are."""
        ask = part.ask(slot, ref, self._carried.release)
        if ask is not None:
            self._carried.acquire()
            self._arrivals.submit([ask])


def _without_data(record: ItemRecord) -> ItemRecord:
    """Return an item without the pictures that it carries: they are asked for by now."""
    if all(ref.data is None for ref in record.images):
        return record
    image, *further = (ref if ref.data is None else replace(ref, data=None) for ref in record.images)
    return replace(record, image=image, further=tuple(further))
