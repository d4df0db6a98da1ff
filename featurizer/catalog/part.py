"""One part of a catalog while its pictures come, in whatever order, and the file that it becomes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from featurizer.catalog.account import write_account
from featurizer.catalog.images.engine import HOST_DOWN
from featurizer.catalog.images.fetcher import Ask
from featurizer.catalog.images.reasons import explain
from featurizer.catalog.journal import Journal, Outcome, journal_path
from featurizer.catalog.old_catalog import OldPicture
from featurizer.catalog.store import IMAGE_TYPE, ROW_GROUP_BYTES, ROW_GROUP_ROWS, part_writer
from featurizer.records import NONE, NOT_MODIFIED, OK, FetchedImage, ImageRef

NOT_ASKED: Final = frozenset({HOST_DOWN, "forbidden_host"})
"""Reasons why a host was not asked."""
UNHEARD: Final = NOT_ASKED | {"dns", "tls", "proxy", "too_many_redirects"}
"""Beside those that are tried again, reasons that say nothing of a picture: the host that has it gave no answer."""
Row: TypeAlias = tuple[Outcome, Callable[[], bytes | None]]
"""What became of a row's picture, and what reads its bytes."""


class OpenPart:
    """A part whose pictures are on their way.

    Attributes:
        path: the file that it becomes.
        rows: its items, their pictures aside; set before the part is complete.
        outcomes: what became of the pictures so far, by row.
    """

    def __init__(
        self,
        path: Path,
        told: Callable[[Outcome], None],
        ended: Callable[[OpenPart | BaseException], None],
        *,
        again: bool = False,
    ) -> None:
        """Open a part, with what its journal holds.

        Args:
            path: the file that it becomes.
            told: called with every outcome, from any thread.
            ended: called once all are known and `close` has said that no more are asked for; or with what went wrong.
            again: the part is there, and only what failed is asked for; else it is a new one.
        """
        self.path, self._told, self._ended, self._again = path, told, ended, again
        self.rows = pa.table({})
        self.journal = Journal(journal_path(path, again=again))
        self.outcomes: dict[int, Outcome] = {}
        self._old: dict[int, OldPicture] = {}
        self._lock, self._left = threading.Lock(), 1

    def ask(
        self,
        row: int,
        ref: ImageRef,
        done: Callable[[], None] | None = None,
        old: OldPicture | None = None,
    ) -> Ask | None:
        """Return what is to be asked for a row; None where that is known already.

        Args:
            row: place in the part.
            ref: where its picture is to be had.
            done: called when it is known.
            old: the picture that the item had; without a condition to ask under it is what it has.
        """
        known = self.journal.kept.get(row)
        if old is None and known is not None and known.status == NOT_MODIFIED:
            known = None
        if old is not None:
            self._old[row] = old
            ref = replace(ref, condition=old.condition)
            if old.condition is None:
                known = known or self.journal.add(row, FetchedImage(NOT_MODIFIED))
        if known is None and (ref.data is not None or ref.path is not None or (ref.url or "").strip()):
            with self._lock:
                self._left += 1
            return Ask(ref, lambda image: self._keep(row, image, done), self._ended)
        outcome = known or Outcome(row, NONE)
        self.outcomes[row] = outcome
        self._told(outcome)
        return None

    def _keep(self, row: int, image: FetchedImage, done: Callable[[], None] | None) -> None:
        try:
            outcome = self.journal.add(row, image)
        finally:
            if done is not None:
                done()
        self.outcomes[row] = outcome
        self._told(outcome)
        self._count()

    def close(self, rows: pa.Table) -> None:
        """Say that no more is asked for.

        Args:
            rows: as they are stored, their pictures aside; of a part that is there, their ids and addresses.
        """
        self.rows = rows
        self._count()

    def _count(self) -> None:
        with self._lock:
            self._left -= 1
            complete = not self._left
        if complete:
            self._ended(self)

    def write(self) -> None:
        """Write the account and the part, and remove the journal."""
        came = sorted(self.outcomes.values(), key=lambda outcome: outcome.row)
        write_account(self.path, self.rows.select(["item_id", "image_url"]), map(self._told_of, came))
        pictures = (self._row(outcome) for outcome in self._in_order(came))
        if not self._again and all(outcome.status == NONE for outcome in came):
            with part_writer(self.path, self.rows.schema) as write:
                write(self.rows)
        elif self._again:
            write_rows(self.path, *_merged(self.path, {row[0].row: row for row in pictures}))
        else:
            write_rows(self.path, self.rows, pictures)
        self.journal.remove()

    def _told_of(self, outcome: Outcome) -> Outcome:
        """Return what the account says of a row; tries add up, and what stays is known by what its server called it."""
        old = self._old.get(outcome.row)
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
        """Say whether a row keeps its old picture: it is the same still, or its server cannot say just now."""
        if outcome.row not in self._old:
            return False
        return outcome.status in (NOT_MODIFIED, *UNHEARD) or (
            outcome.status not in (OK, NONE) and explain(outcome.status).retried
        )

    def _in_order(self, came: Sequence[Outcome]) -> Sequence[Outcome]:
        """Return the outcomes; old pictures that come in another order than they lay in go through the journal.

        Where a source is in another order than before, each would be a group of rows to read.
        """
        staying = [outcome for outcome in came if self._stays(outcome)]
        places = [self._old[outcome.row].row for outcome in staying]
        if places == sorted(places):
            return came
        moved = {}
        for _, outcome in sorted(zip(places, staying, strict=True), key=lambda pair: pair[0]):
            stored, read = self._row(outcome)
            told = FetchedImage(
                stored.status, read(), stored.sha256, stored.width, stored.height, path=stored.path
            )
            moved[outcome.row] = self.journal.add(outcome.row, told)
            del self._old[outcome.row]
        return [moved.get(outcome.row, outcome) for outcome in came]

    def _row(self, outcome: Outcome) -> Row:
        if self._stays(outcome):
            return _as_stored(outcome.row, self._old[outcome.row].read())
        return outcome, lambda: self.journal.read(outcome)


def write_rows(path: Path, rows: pa.Table, pictures: Iterator[Row]) -> None:
    """Write a part, group by group, so that no more than one group's pictures are in memory.

    Args:
        path: the file.
        rows: the items.
        pictures: what became of each row's picture, in their order.
    """
    with part_writer(path, rows.schema) as write:
        start = 0
        for group in _groups(pictures):
            write(_filled(rows.slice(start, len(group)), group))
            start += len(group)


def _groups(pictures: Iterator[Row]) -> Iterator[list[Row]]:
    """Divide rows into groups, by their pictures and the sizes of these alone; rows without any take no room."""
    group: list[Row] = []
    count = size = 0
    for row in pictures:
        pictured = row[0].status == OK
        if pictured and (count == ROW_GROUP_ROWS or size + row[0].size > ROW_GROUP_BYTES) and count:
            yield group
            group, count, size = [], 0, 0
        group.append(row)
        count += pictured
        size += row[0].size
    if group:
        yield group


def _filled(rows: pa.Table, group: Sequence[Row]) -> pa.Table:
    """Put pictures into the rows of one group."""
    outcomes = [outcome for outcome, _ in group]
    bodies = [read() if outcome.status == OK else None for outcome, read in group]
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
    for name, column in found.items():
        place = rows.schema.get_field_index(name)
        rows = rows.set_column(place, rows.schema.field(place), column)
    return rows


def _merged(path: Path, came: dict[int, Row]) -> tuple[pa.Table, Iterator[Row]]:
    """Return the rows of a part that is there, and their pictures, those that came in the place of what failed.

    A picture that failed again keeps the reason that it had, unless it had not been asked for.
    """
    schema = _as_made(pq.read_schema(path))
    rows = pq.read_table(path, columns=[name for name in schema.names if name != "image"])
    place = schema.get_field_index("image")
    rows = rows.add_column(place, schema.field("image"), pa.nulls(rows.num_rows, IMAGE_TYPE)).cast(schema)
    statuses = rows.column("image_status").to_pylist()
    better = {
        row: found for row, found in came.items() if found[0].status == OK or statuses[row] in NOT_ASKED
    }
    return rows, _stored(path, better)


def _as_made(schema: pa.Schema) -> pa.Schema:
    """Return the schema that a part was written with: read back, the elements of lists are called otherwise."""
    fields = [
        field.with_type(pa.list_(field.type.value_type)) if pa.types.is_list(field.type) else field
        for field in schema
    ]
    return pa.schema(fields, metadata=schema.metadata)


def _stored(path: Path, changed: dict[int, Row]) -> Iterator[Row]:
    """Yield what a part holds for each row, some of it replaced; a row group is in memory at a time."""
    names = ["image", "image_status", "image_sha256", "width", "height"]
    number = 0
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            for row in file.read_row_group(group, columns=names).to_pylist():
                yield changed.get(number) or _as_stored(number, row)
                number += 1


def _as_stored(number: int, row: dict[str, object]) -> Row:
    image = row["image"]
    data, path = (image["bytes"], image["path"]) if isinstance(image, dict) else (None, None)
    outcome = Outcome(
        number, str(row["image_status"]), _text(row["image_sha256"]), _number(row["width"]),
        _number(row["height"]), path, size=len(data or b""),
    )  # fmt: skip
    return outcome, lambda: data


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None
