"""What went wrong and where everything comes from, as the manifests say it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from featurizer.catalog.store import Catalog
from featurizer.features.feature_set import FeatureSet
from featurizer.records import NONE, OK, Json
from featurizer.report.charts.chart import Table
from featurizer.report.models import TrainedModel
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


@dataclass(frozen=True, slots=True)
class Failures:
    """Reasons and how many items each has, the commonest first, of `total` items."""

    label: str
    what: str
    total: int
    reasons: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a folder's content comes from: a table of its spaces, and its manifest as JSON text."""

    label: str
    what: str
    spaces: Table | None
    manifest: str


def failures(catalogs: Mapping[str, Catalog], feature_sets: Mapping[str, FeatureSet]) -> list[Failures]:
    """Count what failed by reason, folder by folder."""
    found = []
    for label, catalog in catalogs.items():
        statuses = catalog.manifest.image_status
        reasons = {name: count for name, count in statuses.items() if name not in (OK, NONE)}
        found.append(Failures(label, "pictures", catalog.rows, _ranked(reasons)))
    for label, feature_set in feature_sets.items():
        failed = _ranked(feature_set.manifest.failures)
        found.append(Failures(label, "items", feature_set.rows, failed))
    return found


def provenance(
    catalogs: Mapping[str, Catalog], feature_sets: Mapping[str, FeatureSet], models: list[TrainedModel]
) -> list[Provenance]:
    """Gather what every manifest says; the shard list is left out."""
    found = [Provenance(label, "catalog", None, _text(one.manifest)) for label, one in catalogs.items()]
    for label, feature_set in feature_sets.items():
        found.append(Provenance(label, "feature set", _spaces(feature_set), _text(feature_set.manifest)))
    return found + [Provenance(one.label, f"model {one.kind}", None, _text(one.manifest)) for one in models]


def _spaces(feature_set: FeatureSet) -> Table:
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


def _text(manifest: Manifest) -> str:
    shown = {name: value for name, value in manifest.document().items() if name != "shards"}
    return json.dumps(shown, indent=2, ensure_ascii=False)


def _ranked(counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
