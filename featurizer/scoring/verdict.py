"""Which space to use, and why: the winner of the cold and of the warm column, and where items lack a modality."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from featurizer.scoring.document import (
    INTERACTIONS,
    NOT_USED,
    OTHERS,
    UNKNOWN,
    Comparison,
    Entry,
    Score,
    Scores,
)
from featurizer.scoring.leaderboard import CLEAR, COLD, is_random, leaderboard, title
from featurizer.scoring.masks import MASK
from featurizer.scoring.metric_key import MetricKey

KINDS = "best join", "best single space"
"""What the best is compared with, beside the next best row where that is neither."""
NEW = "without a history"
"""What items are called that nobody has bought before."""
HALF = 0.5
"""The share of items without a modality that is told of, or the nearest that was measured."""


def verdicts(found: Scores) -> list[str]:
    """Say for items without a history, with one, and without a modality, which space is best, by how much, of what.

    None is said of a scoring that ranks nothing.
    """
    columns = [column for column in leaderboard(found.scores).columns if column.k is not None]
    told = [(column, NEW) for column in columns if column.metric == COLD]
    told += [(column, _whom(found, column)) for column in columns if column.metric != COLD][:1]
    told += list(_masked(found))
    return [sentence for column, whom in told for sentence in _verdict(found, column, whom)]


def _whom(found: Scores, column: MetricKey) -> str:
    """Say whether the items to be found were bought before: after a split by items they were not."""
    pairs, cold = (found.counts.get(f"{column.split}_{name}", 0) for name in ("pairs", "pairs_cold"))
    return NEW if 2 * cold > pairs else "with a history"


def _verdict(found: Scores, column: MetricKey, whom: str) -> Iterator[str]:
    own = [row for row in found.scores if row.key == column and not row.is_baseline]
    if not own:
        return
    best = max(own, key=lambda row: row.value)
    values = {row.entry: row.value for row in own}
    floor = next((row for row in found.scores if is_random(row, column)), None)
    if floor is not None and (best.ci_low if best.ci_low is not None else best.value) <= floor.value:
        yield (
            f"Items {whom}: nothing is told from a random order, which finds {_titled(column)} {floor.value:.4f}; "
            f"the most, {best.value:.4f}, finds {_called(best.entry)}"
        )
        return
    compared = [row for row in found.comparisons if row.key == column]
    others = [one for one in found.references if one.space != best.space and one in values]
    kinds = [[one for one in others if ("+" in one.space) == joined] for joined in (True, False)]
    best_others = [
        (max(kind, key=lambda one: values[one]), name)
        for kind, name in zip(kinds, KINDS, strict=True)
        if kind
    ]
    least = max((values[one] for one, _ in best_others), default=best.value)
    beside = {one: value for one, value in values.items() if one.space != best.space and value > least}
    if beside:
        best_others.insert(0, (max(beside, key=lambda one: beside[one]), "next"))
    taught = _taught(best, found.origins, whom)
    note = f"; {taught}" if taught else ""
    against = [_against(best, other, name, values[other], compared) for other, name in best_others]
    yield (
        f"Items {whom}: {_called(best.entry)} is best, {_titled(column)} {best.value:.4f}"
        + (f", against {' and '.join(against)}" if against else "")
        + note
    )


def _masked(found: Scores) -> Iterator[tuple[MetricKey, str]]:
    """Yield of each modality the recall with about half of the items without it, on the split that is told of."""
    keys = {row.key for row in found.scores if row.metric == f"{MASK}_zero_shot_recall" and row.ratio}
    for modality in sorted({key.modality or "" for key in keys}):
        mine = [key for key in keys if key.modality == modality]
        key = min(
            mine,
            key=lambda key: (abs((key.ratio or 0) - HALF), key.ratio, key.split != "test", -(key.k or 0)),
        )
        yield key, f"of which {key.ratio:.0%} lack their {modality}"


def _against(best: Score, other: Entry, name: str, value: float, compared: Sequence[Comparison]) -> str:
    """Say what another reaches; where no test was made, whether that lies within the interval of the best."""
    row = next((row for row in compared if {row.a, row.b} == {best.entry, other}), None)
    outside = best.ci_low is not None and value < best.ci_low
    clear = outside if row is None else row.p_holm < CLEAR
    return f"{value:.4f} of the {name}, {_called(other)}{'' if clear else ' (not told apart)'}"


def _taught(best: Score, origins: Mapping[str, Mapping[str, str]], whom: str) -> str:
    own = origins.get(best.feature_set, {})
    kinds = {kind for part in best.space.split("+") for kind in own.get(part, "").split(", ")}
    cold, told = best.metric == COLD, []
    if INTERACTIONS in kinds:
        told.append(
            "it is scored as learned without those items' interactions"
            if cold or whom == NEW
            else "their own train interactions taught it"
        )
    if OTHERS in kinds:
        told.append(
            "interactions of another file taught it, those of items with these ids left out"
            if cold
            else "interactions of another file taught it, and what is to be found here may be among them"
        )
    if UNKNOWN in kinds:
        told.append(f"what taught {'the spaces it is made of' if told else 'it'} is unknown")
    elif NOT_USED in kinds and not told:
        told.append("it is a filled join, training not used")
    return "; ".join(told)


def _titled(column: MetricKey) -> str:
    """Return the name of a column; a masked one's sentence says already what is masked."""
    whole = replace(column, modality=None, ratio=None, metric=column.metric.removeprefix(f"{MASK}_"))
    return title(whole)


def _called(entry: Entry) -> str:
    return f"{entry.titled} of {entry.feature_set}"
