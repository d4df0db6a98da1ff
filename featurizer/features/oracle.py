"""The sample's truth as a feature set: what each item is, beside what encoders make of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from featurizer.catalog.sample.oracle import SPACES
from featurizer.catalog.store import Catalog
from featurizer.features.arrays import ArrayOptions, ArraySpace, write_arrays
from featurizer.features.feature_set import FeatureSet
from featurizer.features.schema import arrow_to_vectors

_MODALITY = {"oracle_image": "image", "oracle_text": "text", "oracle_all": "both"}


def write_oracle(catalog: Catalog, out: Path) -> FeatureSet:
    """Write the traits of the sample's items as a feature set, in the catalog's order.

    Args:
        catalog: the sample's catalog; its drawing lies in `source/` inside.
        out: folder of the feature set.
    """
    table = pq.read_table(catalog.folder / "source" / "oracle.parquet")
    place = {item: row for row, item in enumerate(table.column("item_id").to_pylist())}
    ids = catalog.column("item_id").to_pylist()
    rows = np.array([place[item] for item in ids])
    spaces = [
        ArraySpace(
            space,
            _MODALITY[space],
            arrow_to_vectors(table.column(space))[0][rows],
            provenance={"family": "oracle", "model": " ".join(traits), "source": "the sample's traits"},
        )
        for space, traits in SPACES.items()
    ]
    return write_arrays(
        out, ids, spaces, ArrayOptions(source={"name": "sample oracle", "license": "Apache-2.0"})
    )
