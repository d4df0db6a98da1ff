"""A feature set against the catalog that it was made from."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from featurizer.catalog.store import Catalog
from featurizer.features.feature_set import FeatureSet
from featurizer.results.names import CATALOG, FEATURE_SET

COMPARED = ("item_id", "text", "image_status")


def against_catalog(feature_set: FeatureSet, catalog: Catalog) -> Iterator[str]:
    """Yield in what a set differs from its catalog: identity, source, text recipe, ids in order, what items have.

    The catalog itself is not verified here; the pictures' hashes are its own concern.
    """
    manifest, source = feature_set.manifest, catalog.manifest.source.document()
    if manifest.catalog is not None:
        if manifest.catalog != catalog.identity:
            yield f"{FEATURE_SET}: it was made from another catalog than this {CATALOG}, or from it before it changed"
        if manifest.source is None or manifest.source.document() != source:
            yield f"{FEATURE_SET}: its source is not what {CATALOG} says"
        if manifest.text_recipe != catalog.manifest.text_recipe:
            yield f"{FEATURE_SET}: its text recipe is not that of {CATALOG}"
    rows = pa.table({name: catalog.column(name) for name in COMPARED}).to_pylist()
    found = [
        row for table in feature_set.tables(["item_id", "has_image", "has_text"]) for row in table.to_pylist()
    ]
    pairs = list(enumerate(zip(found, rows, strict=True)))
    others = [place for place, (mine, theirs) in pairs if mine["item_id"] != theirs["item_id"]]
    if others:
        first = others[0]
        yield (
            f"{len(others)} rows are other items than in the catalog: row {first} is {found[first]['item_id']}, there "
            f"{rows[first]['item_id']}"
        )
        return
    without = {
        "has_image": [
            place for place, (mine, theirs) in pairs if mine["has_image"] and theirs["image_status"] != "ok"
        ],
        "has_text": [place for place, (mine, theirs) in pairs if mine["has_text"] and theirs["text"] is None],
    }
    for flag, places in without.items():
        if places:
            first = found[places[0]]["item_id"]
            yield f"{len(places)} items have none in the catalog though {flag} is true, such as {first}"
