"""What each item of a set was made of: a digest of its text and one of its picture, in the set's state book.

`FOLDER/.featurizer/inputs.parquet`: `item_id: string, image: string, text: binary?`, rows as in the set. `image` is the
sha256 of the picture's bytes, or why there is none; where encoders see all pictures of an item, and it names several, a
sha256 over these. `text` is 16 bytes of BLAKE2b. The file is local: without it a set is as good, and its next
update encodes everything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from featurizer.catalog.store import Catalog
from featurizer.records import OK, REPEATED
from featurizer.results.files import atomic_path
from featurizer.results.state import FOLDER
from featurizer.results.store_path import opened

FILE = "inputs.parquet"
_FINGERPRINT = b"fingerprint"


def inputs_of(catalog: Catalog, *, several: bool) -> pa.Table:
    """Return the digests of a catalog's items, in row order.

    Args:
        catalog: the items.
        several: whether an encoder sees all pictures of an item; else the first counts.
    """
    several = several and catalog.several
    more = ["image_outcomes"] if several else []
    parts = []
    for rows in catalog.batches(["item_id", "text", "image_status", "image_sha256", *more], size=8192):
        statuses, hashes = (rows.column(name).to_pylist() for name in ("image_status", "image_sha256"))
        pictures = [
            digest if status == OK else status for status, digest in zip(statuses, hashes, strict=True)
        ]
        if several:
            outcomes = rows.column("image_outcomes").to_pylist()
            pictures = [
                first if named is None else _of_all(named)
                for first, named in zip(pictures, outcomes, strict=True)
            ]
        texts = [_digest(text) for text in rows.column("text").to_pylist()]
        columns = {
            "item_id": rows.column("item_id"),
            "image": pa.array(pictures, pa.string()),
            "text": pa.array(texts, pa.binary()),
        }
        parts.append(pa.table(columns))
    return pa.concat_tables(parts)


def _of_all(outcomes: Sequence[Mapping[str, str]]) -> str:
    different = (one for one in outcomes if one["status"] != REPEATED)
    told = [one["sha256"] if one["status"] == OK else one["status"] for one in different]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def _digest(text: str | None) -> bytes | None:
    return None if text is None else hashlib.blake2b(text.encode(), digest_size=16).digest()


def write_inputs(folder: Path, inputs: pa.Table, fingerprint: str) -> None:
    """Remember what the set of that fingerprint in `folder` was made of."""
    with atomic_path(folder / FOLDER / FILE) as partial:
        pq.write_table(
            inputs.replace_schema_metadata({_FINGERPRINT: fingerprint}), partial, compression="zstd"
        )


def read_inputs(folder: Path, fingerprint: str) -> pa.Table | None:
    """Return what the set of that fingerprint in `folder` was made of; None where that is not known."""
    path = folder / FOLDER / FILE
    if not path.is_file():
        return None
    try:
        with opened(path) as file:
            found = pq.read_table(file)
    except (OSError, pa.ArrowInvalid):  # local and dispensable: a damaged one is as good as none
        return None
    told = (found.schema.metadata or {}).get(_FINGERPRINT, b"").decode()
    return found if told == fingerprint else None


def places(before: pa.Table, now: pa.Table) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compare two tables of digests by item.

    Returns:
        Of each of the n items now: (n,) int64 its row before, -1 where it was not there; (n,) bool whether its
        picture is the same; (n,) bool whether its text is.
    """
    known = pl.DataFrame(before).with_row_index("row")
    found = pl.DataFrame(now).join(known, on="item_id", how="left", suffix="_before", maintain_order="left")
    rows = found["row"].cast(pl.Int64).fill_null(-1).to_numpy()
    there = rows >= 0
    same = [there & found[name].eq_missing(found[f"{name}_before"]).to_numpy() for name in ("image", "text")]
    return rows, same[0], same[1]
