"""From values a user to figures: means with their intervals, and which space beats which.

A finished row is kept in a file until the whole leaderboard is: a killed run goes on after the last.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from featurizer.ranking.bootstrap import holm, mean_intervals, paired_t_test
from featurizer.records import Json
from featurizer.results.files import atomic_path
from featurizer.results.spelling import american
from featurizer.scoring.document import Comparison, Entry, Score
from featurizer.scoring.measures import Measure, PerUser, Single
from featurizer.scoring.metric_key import MetricKey

CELLS = 16_000_000
"""Values compared at a time."""
SUFFIX = ".npz"
"""Of a finished row's file."""


@dataclass(slots=True)
class SpaceResult:
    """A row of the leaderboard with its figures.

    Attributes:
        entry: whose.
        rows: the figures.
        compared: the values a user that comparisons are made of, by metric.
        fusion: weights, and axes of a half-whitening, where a join's were chosen.
    """

    entry: Entry
    rows: list[Score] = field(default_factory=list)
    compared: dict[MetricKey, np.ndarray] = field(default_factory=dict)
    fusion: dict[str, Json] | None = None


def judge(entry: Entry, measures: Iterable[Measure], k: int, seed: int) -> SpaceResult:
    """Take means with intervals over users; keep what is compared: all users' metrics at `k`."""
    result = SpaceResult(entry)
    found: dict[str | None, list[PerUser]] = {}
    for measure in measures:
        if isinstance(measure, Single):
            result.rows.append(_row(entry, measure.key, measure.value, None, measure.items))
            continue
        found.setdefault(measure.key.split, []).append(measure)
        key = measure.key
        if key.k == k and key.group is None and key.ratio is None:
            result.compared[key] = measure.values
    for per_user in found.values():
        result.rows.extend(_intervals(entry, per_user, seed))
    return result


def _intervals(entry: Entry, measures: Sequence[PerUser], seed: int) -> Iterator[Score]:
    values = np.stack([measure.values for measure in measures], axis=1)
    everyone = np.ones(len(values), bool)
    counted = np.stack(
        [everyone if measure.counted is None else measure.counted for measure in measures], axis=1
    )
    bounds = [measure.bounds for measure in measures]
    intervals = mean_intervals(values, counted, bounds=bounds, seed=seed)
    for measure, interval in zip(measures, intervals, strict=True):
        yield _row(entry, measure.key, interval.mean, (interval.low, interval.high), interval.users)


def _row(
    entry: Entry, key: MetricKey, value: float, interval: tuple[float, float] | None, users: int
) -> Score:
    low, high = interval or (None, None)
    return Score(**asdict(entry), **asdict(key), value=value, ci_low=low, ci_high=high, users=users)


def compare(results: Sequence[SpaceResult], seed: int) -> list[Comparison]:
    """Test every two rows of the leaderboard on every metric they share.

    A space that several sets hold with the very same values is tested once, and Holm's correction counts it once; what
    is found stands of each of them.
    """
    comparisons: list[Comparison] = []
    for key in dict.fromkeys(key for one in results for key in one.compared):
        alike: dict[tuple[str, str, bytes], list[SpaceResult]] = {}
        for one in results:
            if key in one.compared:
                same = one.entry.space, one.entry.transform, one.compared[key].tobytes()
                alike.setdefault(same, []).append(one)
        able = [ones[0] for ones in alike.values()]
        named = {ones[0].entry: [one.entry for one in ones] for ones in alike.values()}
        pairs = list(itertools.combinations(able, 2))
        found = [
            comparison
            for part in _parts(pairs, len(able[0].compared[key]))
            for comparison in _tests(part, key, seed)
        ]
        adjusted = holm(np.array([one.p_value for one in found]))
        comparisons += [
            replace(one, p_holm=float(p), a=a, b=b)
            for one, p in zip(found, adjusted, strict=True)
            for a, b in itertools.product(named[one.a], named[one.b])
        ]
    return comparisons


def _parts(
    pairs: list[tuple[SpaceResult, SpaceResult]], users: int
) -> Iterator[list[tuple[SpaceResult, SpaceResult]]]:
    size = max(1, CELLS // max(users, 1))
    for start in range(0, len(pairs), size):
        yield pairs[start : start + size]


def _tests(
    pairs: Sequence[tuple[SpaceResult, SpaceResult]], key: MetricKey, seed: int
) -> Iterator[Comparison]:
    """Yield the pairs with p_holm still unadjusted."""
    ordered = [(a, b) if a.compared[key].mean() >= b.compared[key].mean() else (b, a) for a, b in pairs]
    differences = np.stack([a.compared[key] - b.compared[key] for a, b in ordered], axis=1)
    intervals, p_values = mean_intervals(differences, seed=seed), paired_t_test(differences)
    for (a, b), interval, p_value in zip(ordered, intervals, p_values.tolist(), strict=True):
        yield Comparison(
            **asdict(key),
            a=a.entry,
            b=b.entry,
            difference=interval.mean,
            ci_low=interval.low,
            ci_high=interval.high,
            p_value=p_value,
            p_holm=p_value,
            users=interval.users,
        )


def cache_result(result: SpaceResult, path: Path) -> None:
    """Write a row with all it is compared by, atomically."""
    keys = [asdict(key) for key in result.compared]
    rows = [asdict(row) for row in result.rows]
    head = json.dumps({"entry": asdict(result.entry), "rows": rows, "keys": keys, "fusion": result.fusion})
    with atomic_path(path) as partial, partial.open("wb") as file:
        np.savez(file, *result.compared.values(), head=np.array(head))


def read_cached(path: Path) -> SpaceResult | None:
    """Read a row, None if it was not finished."""
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as cached:
        head: Any = american(json.loads(str(cached["head"])))
        columns = {MetricKey(**key): cached[f"arr_{place}"] for place, key in enumerate(head["keys"])}
    return SpaceResult(
        Entry(**head["entry"]), [Score(**row) for row in head["rows"]], columns, head.get("fusion")
    )
