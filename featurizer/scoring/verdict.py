"""Which space to use, and why: the winner of the cold and of the warm column, and where items lack a modality."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from featurizer.scoring.document import Comparison, Entry, Score, Scores
from featurizer.scoring.leaderboard import CLEAR, COLD, leaderboard, title
from featurizer.scoring.mask_modality import NAME as MASK
from featurizer.scoring.metric_key import MetricKey

HALF = 0.5
"""The share of items without a modality that is told of, or the nearest that was measured."""


def verdicts(found: Scores) -> list[str]:
    """Say for items without a history, with one, and without a modality, which space is best, by how much, of what.

    None is said of a scoring that ranks nothing.
    """
    columns = [column for column in leaderboard(found.scores).columns if column.k is not None]
    told = [(column, "without a history") for column in columns if column.metric == COLD]
    told += [(column, "with a history") for column in columns if column.metric != COLD][:1]
    told += list(_masked(found))
    return [sentence for column, whom in told for sentence in _verdict(found, column, whom)]


def _verdict(found: Scores, column: MetricKey, whom: str) -> Iterator[str]:
    own = [row for row in found.scores if row.key == column and not row.is_baseline]
    if not own:
        return
    best = max(own, key=lambda row: row.value)
    values = {row.entry: row.value for row in own}
    compared = [row for row in found.comparisons if row.key == column]
    others = [one for one in found.references if one.space != best.space and one in values]
    kinds = [[one for one in others if ("+" in one.space) == joined] for joined in (True, False)]
    taught = _taught(best, found.origins)
    note = f"; {taught}" if taught else ""
    best_others = [max(kind, key=lambda one: values[one]) for kind in kinds if kind]
    against = [_against(best, other, values[other], compared) for other in best_others]
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


def _against(best: Score, other: Entry, value: float, compared: Sequence[Comparison]) -> str:
    """Say what another reaches; where no test was made, whether that lies within the interval of the best."""
    kind = "join" if "+" in other.space else "single space"
    row = next((row for row in compared if {row.a, row.b} == {best.entry, other}), None)
    outside = best.ci_low is not None and value < best.ci_low
    clear = outside if row is None else row.p_holm < CLEAR
    return f"{value:.4f} of the best {kind}, {_called(other)}{'' if clear else ' (not told apart)'}"


def _taught(best: Score, origins: Mapping[str, Mapping[str, str]]) -> str:
    own = origins.get(best.feature_set, {})
    kinds = {kind for part in best.space.split("+") for kind in own.get(part, "").split(", ")}
    told = []
    if "interactions" in kinds:
        told.append(
            "it is scored as learned without those items' interactions"
            if best.metric == COLD
            else "their own train interactions taught it"
        )
    if "unknown" in kinds:
        told.append(f"what taught {'the spaces it is made of' if told else 'it'} is unknown")
    elif "training not used" in kinds and not told:
        told.append("it is a filled join, training not used")
    return "; ".join(told)


def _titled(column: MetricKey) -> str:
    """Return the name of a column; a masked one's sentence says already what is masked."""
    whole = replace(column, modality=None, ratio=None, metric=column.metric.removeprefix(f"{MASK}_"))
    return title(whole)


def _called(entry: Entry) -> str:
    return f"{entry.titled} of {entry.feature_set}"
