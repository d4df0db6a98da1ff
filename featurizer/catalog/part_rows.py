"""The rows of a part with their pictures, written group by group."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Final, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from featurizer.catalog.images.engine import HOST_DOWN
from featurizer.catalog.images.reasons import explain
from featurizer.catalog.journal import Outcome, Slot
from featurizer.catalog.schema import IMAGE_TYPE, OUTCOME_TYPE, has_several
from featurizer.catalog.store import ROW_GROUP_BYTES, ROW_GROUP_ROWS, part_writer
from featurizer.catalog.stored_pictures import StoredPicture, picture_columns, stored_pictures
from featurizer.records import NONE, OK, REPEATED

NOT_ASKED: Final = frozenset({HOST_DOWN, "forbidden_host"})
"""Reasons why a host was not asked."""
Picture: TypeAlias = tuple[Outcome, Callable[[], bytes | None]]
"""What became of a picture, and what reads its bytes."""
Row: TypeAlias = tuple[Picture, ...]
"""The pictures of a row, the first one first, be it none."""


def by_row(pictures: Iterator[Picture]) -> Iterator[Row]:
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


def write_bare(path: Path, rows: pa.Table) -> None:
    """Write a part whose items name no pictures, as one group."""
    with part_writer(path, rows.schema) as write:
        write(rows)


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


def merged(path: Path, came: dict[Slot, Picture]) -> tuple[pa.Table, Iterator[Row]]:
    """Return the rows of a part that is there, and their pictures, those that came in the place of what failed.

    A picture that failed again keeps the reason that it had, unless it had not been asked for, or that reason might
    have passed and the one now will not.
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
                    _better(came.get((number, place)), as_stored((number, place), one))
                    for place, one in enumerate(stored_pictures(row))
                )
                yield _told_apart(tuple(pictures))
                number += 1


def _better(came: Picture | None, stored: Picture) -> Picture:
    if came is None or came[0].status == NONE:  # it was carried by its source, and is to be had nowhere else
        return stored
    now, before = came[0].status, stored[0].status
    if now == OK or before in NOT_ASKED:
        return came
    lasts = now not in NOT_ASKED and not explain(now).retried
    return came if lasts and explain(before).retried else stored


def as_stored(slot: Slot, one: StoredPicture, path: str | None = None) -> Picture:
    """Return a stored picture as what became of it; `path` is the file name that it has now, if that is known."""
    outcome = Outcome(
        slot[0], one.status, one.sha256, one.width, one.height, path or one.path, size=len(one.data or b""),
        place=slot[1],
    )  # fmt: skip
    return outcome, lambda: one.data
