"""A set's own part of the scores, written into its folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from featurizer.manifest import write_json
from featurizer.records import Json
from featurizer.scoring.floors import FLOOR
from featurizer.scoring.score import FILE


def attach(found: Mapping[str, Json], label: str, folder: Path) -> Path:
    """Write `scores.json` into a feature set: its rows and the floors, the plain ones first; its comparisons.

    Args:
        found: what `score` returned.
        label: the set's name there.
        folder: the feature set.
    """
    scores, comparisons = (_rows(found[name]) for name in ("scores", "comparisons"))
    mine = [row for row in scores if row["feature_set"] in (label, FLOOR)]
    mine.sort(key=_plainness)
    path = folder / FILE
    write_json(
        path,
        {
            **{name: value for name, value in found.items() if name != "config"},
            "scores": list[Json](mine),
            "comparisons": [row for row in comparisons if label in (_set(row["a"]), _set(row["b"]))],
        },
    )
    return path


def _rows(value: Json) -> list[dict[str, Json]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _set(entry: Json) -> Json:
    return entry.get("feature_set") if isinstance(entry, dict) else None


def _plainness(row: Mapping[str, Json]) -> tuple[bool, bool, bool]:
    return row["group"] is not None, row["modality"] is not None, row["k"] is None
