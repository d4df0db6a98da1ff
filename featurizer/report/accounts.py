"""What went wrong and where everything comes from, as the manifests say it."""

from __future__ import annotations

import json

from featurizer.catalog.store import Catalog
from featurizer.features.feature_set import FeatureSet
from featurizer.records import NO_FAILURE, Json
from featurizer.report.charts.chart import Table
from featurizer.results.manifests.manifest import Manifest

SHOWN = (
    "modality",
    "dim",
    "dtype",
    "model",
    "revision",
    "source",
    "weight_hash",
    "pooling",
    "normalized",
    "license",
)
"""Of a space; all else is in the manifest below."""


def failures(of: Catalog | FeatureSet) -> list[tuple[str, int]]:
    """Count the pictures or the items that failed by reason, the commonest first."""
    if isinstance(of, FeatureSet):
        counts = of.manifest.failures
    else:
        counts = {name: count for name, count in of.manifest.pictures.items() if name not in NO_FAILURE}
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def spaces_table(feature_set: FeatureSet) -> Table:
    """Lay out how each space was made."""
    rows = tuple(
        (name, *(_cell(getattr(spec, key)) for key in SHOWN)) for name, spec in feature_set.spaces.items()
    )
    return Table("How each space was made", ("space", *(key.replace("_", " ") for key in SHOWN)), rows)


def _cell(value: Json) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def manifest_text(manifest: Manifest) -> str:
    """Return everything that a manifest says as JSON; the shard list is left out."""
    shown = {name: value for name, value in manifest.document().items() if name != "shards"}
    return json.dumps(shown, indent=2, ensure_ascii=False)
