"""One part of a catalog while its pictures come, in whatever order, and the file that it becomes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Final, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from featurizer.catalog.account import write_account
from featurizer.catalog.images.engine import HOST_DOWN
from featurizer.catalog.images.fetcher import Ask, file_name
from featurizer.catalog.images.reasons import explain
from featurizer.catalog.journal import Journal, Outcome, Slot, journal_path
from featurizer.catalog.old_catalog import OldPicture
from featurizer.catalog.store import (
    IMAGE_TYPE,
    OUTCOME_TYPE,
    ROW_GROUP_BYTES,
    ROW_GROUP_ROWS,
    has_several,
    part_writer,
)
from featurizer.catalog.stored_pictures import StoredPicture, picture_columns, stored_pictures
from featurizer.records import NONE, NOT_MODIFIED, OK, REPEATED, FetchedImage, ImageRef

NOT_ASKED: Final = frozenset({HOST_DOWN, "forbidden_host"})
"""Reasons why a host was not asked."""
UNHEARD: Final = NOT_ASKED | {"dns", "tls", "proxy", "too_many_redirects"}
"""Beside those that are tried again, reasons that say nothing of a picture: the host that has it gave no answer."""
Picture: TypeAlias = tuple[Outcome, Callable[[], bytes | None]]
"""What became of a picture, and what reads its bytes."""
Row: TypeAlias = tuple[Picture, ...]
"""The pictures of a row, the first one first, be it none."""


class OpenPart:
    """A part whose pictures are on their way.

    Attributes:
        path: the file that it becomes.
        rows: its items, their pictures aside; set before the part is complete.
        outcomes: what became of the pictures so far.
    """

    def __init__(
        self,
        path: Path,
        told: Callable[[Sequence[Outcome]], None],
        ended: Callable[[OpenPart | BaseException], None],
        *,
        again: bool = False,
    ) -> None:
        """Open a part, with what its journal holds.

        Args:
            path: the file that it becomes.
            told: called with outcomes as they come, from any thread.
            ended: called once all are known and `close` has said that no more are asked for; or with what went wrong.
            again: the part is there, and only what failed is asked for; else it is a new one.
        """
        self.path, self._told, self._ended, self._again = path, told, ended, again
        self.rows = pa.table({})
        self.journal = Journal(journal_path(path, again=again))
        self.outcomes: dict[Slot, Outcome] = {}
        self._old: dict[Slot, OldPicture] = {}
        self._done: dict[Slot, Callable[[], None]] = {}
        self._lock, self._left = threading.Lock(), 1

    def ask(
        self,
        slot: Slot,
        ref: ImageRef,
        done: Callable[[], None] | None = None,
        old: OldPicture | None = None,
    ) -> Ask | None:
        """Return what is to be asked for a picture; None where that is known already.

        Args:
            slot: row in the part, and which of its pictures.
            ref: where it is to be had.
            done: called when it is known.
            old: the picture that the item had; without a condition to ask under it is what it has.
        """
        known = self.journal.kept.get(slot)
        if old is None and known is not None and known.status == NOT_MODIFIED:
            known = None
        if old is not None:
            self._old[slot] = old
            ref = replace(ref, condition=old.condition)
            if old.condition is None:
                known = known or self.journal.add(slot, FetchedImage(NOT_MODIFIED, path=file_name(ref)))
        if known is None and (ref.data is not None or ref.path is not None or (ref.url or "").strip()):
            with self._lock:
                self._left += 1
            if done is not None:
                self._done[slot] = done
            return Ask(ref, self, slot)
        outcome = known or Outcome(slot[0], NONE, place=slot[1])
        self.outcomes[slot] = outcome
        self._told([outcome])
        return None

    def keep(self, arrived: Sequence[tuple[Slot, FetchedImage]]) -> None:
        """Keep what became of some pictures that were asked for."""
        try:
            outcomes = self.journal.add_all(arrived)
        finally:
            for done in [self._done.pop(slot) for slot, _ in arrived if slot in self._done]:
                done()
        for outcome in outcomes:
            self.outcomes[outcome.slot] = outcome
        self._told(outcomes)
        self._count(len(outcomes))

    def trouble(self, error: BaseException) -> None:
        """Say that nothing more will be kept, and why."""
        self._ended(error)

    def close(self, rows: pa.Table) -> None:
        """Say that no more is asked for.

        Args:
            rows: as they are stored, their pictures aside; of a part that is there, their ids and addresses.
        """
        self.rows = rows
        self._count(1)

    def _count(self, known: int) -> None:
        with self._lock:
            self._left -= known
            complete = not self._left
        if complete:
            self._ended(self)

    def write(self) -> None:
        """Write the account and the part, and remove the journal."""
        came = sorted(self.outcomes.values(), key=lambda outcome: outcome.slot)
        write_account(self.path, self.rows, map(self._told_of, came))
        pictures = (self._picture(outcome) for outcome in self._in_order(came))
        if not self._again and all(outcome.status == NONE for outcome in came):
            with part_writer(self.path, self.rows.schema) as write:
                write(self.rows)
        elif self._again:
            write_rows(self.path, *_merged(self.path, {picture[0].slot: picture for picture in pictures}))
        else:
            write_rows(self.path, self.rows, _by_row(pictures), self.journal.read_ahead)
        self.journal.remove()

    def _told_of(self, outcome: Outcome) -> Outcome:
        """Return what the account says of a picture; tries add up, and what stays is known as its server called it."""
        old = self._old.get(outcome.slot)
        entry = old.entry if old is not None else None
        if entry is None:
            return outcome
        first, last = (entry[name] and entry[name].timestamp() for name in ("first", "last"))
        outcome = replace(outcome, tries=outcome.tries + entry["tries"], first=first or outcome.first)
        if not self._stays(outcome):
            return outcome
        status = outcome.status
        if status == NOT_MODIFIED:
            status = OK if outcome.last is not None else entry["status"]
        return replace(
            outcome,
            status=status,
            last=outcome.last or last,
            etag=outcome.etag or entry["etag"],
            last_modified=outcome.last_modified or entry["last_modified"],
            size=entry["bytes"],
        )

    def _stays(self, outcome: Outcome) -> bool:
        """Say whether an old picture stays: it is the same still, or its server cannot say just now."""
        if outcome.slot not in self._old:
            return False
        return outcome.status in (NOT_MODIFIED, *UNHEARD) or (
            outcome.status not in (OK, NONE) and explain(outcome.status).retried
        )

    def _in_order(self, came: Sequence[Outcome]) -> Sequence[Outcome]:
        """Return the outcomes; old pictures that come in another order than they lay in go through the journal.

        Where a source is in another order than before, each would be a group of rows to read.
        """
        staying = [outcome for outcome in came if self._stays(outcome)]
        places = [self._old[outcome.slot].row for outcome in staying]
        if places == sorted(places):
            return came
        moved = {}
        for _, outcome in sorted(zip(places, staying, strict=True), key=lambda pair: pair[0]):
            stored, read = self._picture(outcome)
            told = FetchedImage(
                stored.status, read(), stored.sha256, stored.width, stored.height, path=stored.path
            )
            moved[outcome.slot] = self.journal.add(outcome.slot, told)
            del self._old[outcome.slot]
        return [moved.get(outcome.slot, outcome) for outcome in came]

    def _picture(self, outcome: Outcome) -> Picture:
        if self._stays(outcome):
            return _as_stored(outcome.slot, self._old[outcome.slot].read(), path=outcome.path)
        return outcome, lambda: self.journal.read(outcome)


def _by_row(pictures: Iterator[Picture]) -> Iterator[Row]:
    """Put the pictures of each row together."""
    for _, row in groupby(pictures, key=lambda picture: picture[0].row):
        yield _told_apart(tuple(row))


def _told_apart(row: Row) -> Row:
    """Say of the pictures of a row whose bytes came before that they are repeated."""
    if len(row) == 1:
        return row
    seen = set[str | None]()
    found: list[Picture] = []
    for outcome, read in row:
        if outcome.status == OK and outcome.sha256 in seen:
            found.append((replace(outcome, status=REPEATED, size=0), lambda: None))
            continue
        if outcome.status == OK:
            seen.add(outcome.sha256)
        found.append((outcome, read))
    return tuple(found)


def write_rows(
    path: Path,
    rows: pa.Table,
    pictures: Iterator[Row],
    ahead: Callable[[Sequence[Outcome]], None] = lambda _: None,
) -> None:
    """Write a part, group by group, so that no more than one group's pictures are in memory.

    Args:
        path: the file.
        rows: the items.
        pictures: those of each row, in their order.
        ahead: told whose bytes are read next.
    """
    with part_writer(path, rows.schema) as write:
        start = 0
        for group in _groups(pictures):
            ahead([outcome for row in group for outcome, _ in row])
            write(_filled(rows.slice(start, len(group)), group))
            start += len(group)


def _groups(pictures: Iterator[Row]) -> Iterator[list[Row]]:
    """Divide rows into groups, by their pictures and the sizes of these alone; rows without any take no room."""
    group: list[Row] = []
    count = size = 0
    for row in pictures:
        pictured, stored = any(outcome.status == OK for outcome, _ in row), _stored_size(row)
        if pictured and (count == ROW_GROUP_ROWS or size + stored > ROW_GROUP_BYTES) and count:
            yield group
            group, count, size = [], 0, 0
        group.append(row)
        count += pictured
        size += stored
    if group:
        yield group


def _stored_size(row: Row) -> int:
    """Return the bytes that a row's pictures take: of several the first is stored twice."""
    first = row[0][0].size
    return first + sum(outcome.size for outcome, _ in row) if len(row) > 1 else first


def _filled(rows: pa.Table, group: Sequence[Row]) -> pa.Table:
    """Put pictures into the rows of one group."""
    read_rows = [
        [(outcome, read() if outcome.status == OK else None) for outcome, read in row] for row in group
    ]
    outcomes, bodies = zip(*(row[0] for row in read_rows), strict=True)
    images = pa.StructArray.from_arrays(
        [
            pa.array(bodies, pa.binary()),
            pa.array([outcome.path if outcome.status == OK else None for outcome in outcomes], pa.string()),
        ],
        fields=list(IMAGE_TYPE),
        mask=pa.array([body is None for body in bodies]),
    )
    found = {
        "image": images,
        "image_status": pa.array([outcome.status for outcome in outcomes], pa.string()),
        "image_sha256": pa.array([outcome.sha256 for outcome in outcomes], pa.string()),
        "width": pa.array([outcome.width for outcome in outcomes], pa.int32()),
        "height": pa.array([outcome.height for outcome in outcomes], pa.int32()),
    }
    if has_several(rows.schema):
        found |= _several(rows, read_rows)
    for name, column in found.items():
        place = rows.schema.get_field_index(name)
        rows = rows.set_column(place, rows.schema.field(place), column)
    return rows


def _several(rows: pa.Table, group: Sequence[Sequence[tuple[Outcome, bytes | None]]]) -> dict[str, pa.Array]:
    """Return the columns of the items that name several pictures, null for the others."""
    images: list[list[dict[str, object]] | None] = []
    outcomes: list[list[dict[str, object]] | None] = []
    for named, row in zip(rows.column("image_outcomes").to_pylist(), group, strict=True):
        if named is None:
            images.append(None)
            outcomes.append(None)
            continue
        images.append([{"bytes": body, "path": one.path} for one, body in row if body is not None])
        outcomes.append(
            [
                {"status": one.status, "url": at["url"], "sha256": one.sha256, "width": one.width,
                 "height": one.height}
                for at, (one, _) in zip(named, row, strict=True)
            ]
        )  # fmt: skip
    return {
        "images": pa.array(images, pa.list_(IMAGE_TYPE)),
        "image_outcomes": pa.array(outcomes, pa.list_(OUTCOME_TYPE)),
    }


def _merged(path: Path, came: dict[Slot, Picture]) -> tuple[pa.Table, Iterator[Row]]:
    """Return the rows of a part that is there, and their pictures, those that came in the place of what failed.

    A picture that failed again keeps the reason that it had, unless it had not been asked for.
    """
    schema = _as_made(pq.read_schema(path))
    heavy = ("image", "images") if has_several(schema) else ("image",)
    rows = pq.read_table(path, columns=[name for name in schema.names if name not in heavy])
    for name in heavy:
        place = schema.get_field_index(name)
        empty = pa.nulls(rows.num_rows, schema.field(place).type)
        rows = rows.add_column(place, schema.field(place), empty)
    return rows.cast(schema), _stored(path, came)


def _as_made(schema: pa.Schema) -> pa.Schema:
    """Return the schema that a part was written with: read back, the elements of lists are called otherwise."""
    fields = [
        field.with_type(pa.list_(field.type.value_type)) if pa.types.is_list(field.type) else field
        for field in schema
    ]
    return pa.schema(fields, metadata=schema.metadata)


def _stored(path: Path, came: dict[Slot, Picture]) -> Iterator[Row]:
    """Yield what a part holds for each row, some of it replaced; a row group is in memory at a time."""
    number = 0
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            rows = file.read_row_group(group, columns=picture_columns(file.schema_arrow)).to_pylist()
            for row in rows:
                pictures = (
                    _better(came.get((number, place)), _as_stored((number, place), one))
                    for place, one in enumerate(stored_pictures(row))
                )
                yield _told_apart(tuple(pictures))
                number += 1


def _better(came: Picture | None, stored: Picture) -> Picture:
    if came is not None and (came[0].status == OK or stored[0].status in NOT_ASKED):
        return came
    return stored


def _as_stored(slot: Slot, one: StoredPicture, path: str | None = None) -> Picture:
    """Return a stored picture as what became of it; `path` is the file name that it has now, if that is known."""
    outcome = Outcome(
        slot[0], one.status, one.sha256, one.width, one.height, path or one.path, size=len(one.data or b""),
        place=slot[1],
    )  # fmt: skip
    return outcome, lambda: one.data
