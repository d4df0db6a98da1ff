"""The account of a catalog: how often each address was asked and what its server said of the picture.

It stands beside the data, `fetches/part-00003.parquet` beside `items/part-00003.parquet`, and is no part of them: the
same pictures give the same data whatever the network did.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from featurizer.catalog.journal import Outcome
from featurizer.catalog.schema import has_several
from featurizer.records import OK, REPEATED, Json
from featurizer.results.files import atomic_path
from featurizer.results.store_path import opened

FETCHES: Final = "fetches"
"""The folder of the account."""

SCHEMA: Final = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        ("url", pa.string()),
        pa.field("status", pa.string(), nullable=False),
        pa.field("tries", pa.int32(), nullable=False),
        ("first", pa.timestamp("ms", "UTC")),
        ("last", pa.timestamp("ms", "UTC")),
        ("etag", pa.string()),
        ("last_modified", pa.string()),
        pa.field("bytes", pa.int64(), nullable=False),
    ]
)


def account_path(part: Path) -> Path:
    """Return the account of a part file."""
    return part.parent.parent / FETCHES / part.name


def write_account(part: Path, rows: pa.Table, outcomes: Iterable[Outcome]) -> None:
    """Add to the account of a part what was asked of the web; tries add up, and the first time stays.

    What it says already, of the same last try, is not added again: a kill may have come before the part was written.

    Args:
        part: the part file.
        rows: `item_id`, `image_url` and, where items name several pictures, `image_outcomes` of its rows.
        outcomes: what became of some of them.
    """
    asked = [outcome for outcome in outcomes if outcome.first is not None]
    if not asked:
        return
    path = account_path(part)
    columns = {
        "item_id": rows.column("item_id").take([outcome.row for outcome in asked]),
        "url": _addresses(rows, asked),
        "status": [outcome.status for outcome in asked],
        "tries": [outcome.tries for outcome in asked],
        "first": [_milliseconds(outcome.first) for outcome in asked],
        "last": [_milliseconds(outcome.last) for outcome in asked],
        "etag": [outcome.etag for outcome in asked],
        "last_modified": [outcome.last_modified for outcome in asked],
        "bytes": [outcome.size for outcome in asked],
    }
    account = pa.table(columns, schema=SCHEMA)
    with atomic_path(path) as partial:
        pq.write_table(_added(path, account), partial, compression="zstd")


def _addresses(rows: pa.Table, asked: Sequence[Outcome]) -> list[str | None]:
    """Return where each picture was asked for."""
    found: list[str | None] = rows.column("image_url").take([outcome.row for outcome in asked]).to_pylist()
    for number, outcome in enumerate(asked):
        if outcome.place:
            found[number] = rows.column("image_outcomes")[outcome.row].as_py()[outcome.place]["url"]
    return found


def _added(path: Path, account: pa.Table) -> pa.Table:
    """Put new entries in the place of those that were there, and add what is new behind."""
    if not path.exists():
        return account
    with opened(path) as file:
        entries = {(entry["item_id"], entry["url"]): entry for entry in pq.read_table(file).to_pylist()}
    for entry in account.to_pylist():
        key = entry["item_id"], entry["url"]
        known = entries.get(key)
        if known is not None and known["last"] == entry["last"]:
            continue
        if known is not None:
            entry["tries"] += known["tries"]
            entry["first"] = known["first"] or entry["first"]
        entries[key] = entry
    return pa.Table.from_pylist([*entries.values()], schema=SCHEMA)


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds * 1000)


def _there(part: Path) -> pl.DataFrame:
    """Return item and address of every picture of a part that is there."""
    first = pl.read_parquet(part, columns=["item_id", "image_url", "image_status"])
    found = [first.filter(pl.col("image_status") == OK).select("item_id", url="image_url")]
    if has_several(pq.read_schema(part)):
        rows = pl.read_parquet(part, columns=["item_id", "image_outcomes"]).with_columns(
            pl.col("image_outcomes").list.slice(1)
        )
        named = rows.explode("image_outcomes").drop_nulls().unnest("image_outcomes")
        found.append(named.filter(pl.col("status").is_in([OK, REPEATED])).select("item_id", "url"))
    return pl.concat(found).unique()


def unverified(parts: Sequence[Path]) -> dict[str, Json]:
    """Count the pictures that are there though their servers failed when they were last asked."""
    count = 0
    for part in parts:
        if account_path(part).exists():
            account = pl.read_parquet(account_path(part), columns=["item_id", "url", "status"])
            both = account.filter(pl.col("status") != OK).join(_there(part), on=["item_id", "url"])
            count += both.height
    return {"unverified": count}
