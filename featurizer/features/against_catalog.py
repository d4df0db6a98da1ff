"""A feature set against the catalog that it was made from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from featurizer.catalog.store import Catalog
from featurizer.features.feature_set import FeatureSet
from featurizer.records import OK
from featurizer.results.names import CATALOG, FEATURE_SET


def against_catalog(feature_set: FeatureSet, catalog: Catalog) -> Iterator[str]:
    """Yield in what a set differs from its catalog: identity, source, text recipe, ids in order, what items have.

    Arrow's columns are compared, and of texts a batch is in memory at a time. The catalog itself is not verified here;
    the pictures' hashes are its own concern.
    """
    manifest, source = feature_set.manifest, catalog.manifest.source.document()
    if manifest.catalog is not None:
        if manifest.catalog != catalog.identity:
            yield f"{FEATURE_SET}: it was made from another catalog than this {CATALOG}, or from it before it changed"
        if manifest.source is None or manifest.source.document() != source:
            yield f"{FEATURE_SET}: its source is not what {CATALOG} says"
        if manifest.text_recipe != catalog.manifest.text_recipe:
            yield f"{FEATURE_SET}: its text recipe is not that of {CATALOG}"
    mine = pa.concat_tables(feature_set.tables(["item_id", "has_image", "has_text"]))
    ids, theirs = mine.column("item_id"), catalog.column("item_id")
    others = _places(pc.not_equal(ids, theirs))
    if len(others):
        first = others[0]
        yield (
            f"{len(others)} rows are other items than in the catalog: row {first} is {ids[first]}, there "
            f"{theirs[first]}"
        )
        return
    lacking = {
        "has_image": _without_picture(feature_set, catalog),
        "has_text": pa.chunked_array(
            [pc.is_null(batch.column("text")) for batch in catalog.batches(["text"])], pa.bool_()
        ),
    }
    for flag, lacks in lacking.items():
        places = _places(pc.and_(mine.column(flag), lacks))
        if len(places):
            yield f"{len(places)} items have none in the catalog though {flag} is true, such as {ids[places[0]]}"


def _without_picture(feature_set: FeatureSet, catalog: Catalog) -> pa.ChunkedArray:
    """Return (n,) which items lack a picture: the first, or any where an encoder sees all."""
    first = pc.not_equal(catalog.column("image_status"), OK)
    if not catalog.several or all(space.images is None for space in feature_set.spaces.values()):
        return first
    outcomes = catalog.column("image_outcomes").to_pylist()
    none = [all(one["status"] != OK for one in named or ()) for named in outcomes]
    return pc.and_(first, pa.array(none))


def _places(mask: pa.ChunkedArray) -> np.ndarray:
    """Return the rows at which a mask is true; null counts as false."""
    return np.flatnonzero(pc.fill_null(mask, pa.scalar(value=False)).to_numpy())
