"""Titles of some items of a catalog."""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa
import pyarrow.compute as pc

from featurizer.catalog.store import Catalog

ROWS = 8192
"""Items looked at at once."""


def titles_of(catalog: Catalog, items: Collection[str]) -> dict[str, str | None]:
    """Return the titles of those items that the catalog has; None for one without."""
    wanted = pa.array(list(items), pa.string())
    found: dict[str, str | None] = {}
    for batch in catalog.batches(["item_id", "title"], size=ROWS):
        rows = batch.filter(pc.is_in(batch.column("item_id"), wanted))
        found |= dict(zip(rows.column("item_id").to_pylist(), rows.column("title").to_pylist(), strict=True))
    return found
