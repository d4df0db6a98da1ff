"""A set's own part of the scores, written into its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from featurizer.records import Json
from featurizer.results.files import write_json
from featurizer.results.names import SCORES
from featurizer.scoring.document import Score, parse_scores


def attach(found: Mapping[str, Json], label: str, folder: Path) -> Path:
    """Write `scores.json` into a feature set: its rows and the floors, the plain ones first; its comparisons.

    Args:
        found: what `score` returned.
        label: the set's name there.
        folder: the feature set.
    """
    document = parse_scores(dict(found))
    mine = sorted(
        (row for row in document.scores if row.is_floor or row.feature_set == label), key=_plainness
    )
    compared = [row for row in document.comparisons if label in (row.a.feature_set, row.b.feature_set)]
    path = folder / SCORES
    write_json(
        path,
        {
            **{name: value for name, value in found.items() if name != "config"},
            "scores": [dict(asdict(row)) for row in mine],
            "comparisons": [dict(asdict(row)) for row in compared],
        },
    )
    return path


def _plainness(row: Score) -> tuple[bool, bool, bool]:
    return row.group is not None, row.modality is not None, row.k is None
