"""Finished rows of a leaderboard, kept until the whole is: a killed run goes on after the last."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from featurizer.results.files import atomic_path
from featurizer.results.spelling import american
from featurizer.scoring.document import Entry, Score
from featurizer.scoring.metric_key import MetricKey
from featurizer.scoring.summary import SpaceResult

SUFFIX = ".npz"


def keep_result(judged: SpaceResult, path: Path) -> None:
    """Write a row with all it is compared by, atomically."""
    keys = [asdict(key) for key in judged.compared]
    rows = [asdict(row) for row in judged.rows]
    head = json.dumps({"entry": asdict(judged.entry), "rows": rows, "keys": keys})
    with atomic_path(path) as partial, partial.open("wb") as file:
        np.savez(file, *judged.compared.values(), head=np.array(head))


def read_cached(path: Path) -> SpaceResult | None:
    """Read a row, None if it was not finished."""
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as kept:
        head: Any = american(json.loads(str(kept["head"])))
        columns = {MetricKey(**key): kept[f"arr_{place}"] for place, key in enumerate(head["keys"])}
    return SpaceResult(Entry(**head["entry"]), [Score(**row) for row in head["rows"]], columns)
