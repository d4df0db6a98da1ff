"""Which space to use, and why: the winner of the cold and of the warm column, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from featurizer.scoring.document import Comparison, Entry, Score, Scores
from featurizer.scoring.leaderboard import CLEAR, COLD, best_references, leaderboard, title
from featurizer.scoring.metric_key import MetricKey


def verdicts(found: Scores) -> list[str]:
    """Say for items without a history, then for those with one, which space is best, by how much, and of what.

    None is said of a scoring that ranks nothing.
    """
    columns = [column for column in leaderboard(found.scores).columns if column.k is not None]
    told = [(column, "without a history") for column in columns if column.metric == COLD]
    told += [(column, "with a history") for column in columns if column.metric != COLD][:1]
    return [sentence for column, whom in told for sentence in _verdict(found, column, whom)]


def _verdict(found: Scores, column: MetricKey, whom: str) -> Iterator[str]:
    own = [row for row in found.scores if row.key == column and not row.is_baseline]
    if not own:
        return
    best = max(own, key=lambda row: row.value)
    values = {row.entry: row.value for row in own}
    compared = [row for row in found.comparisons if row.key == column]
    others = best_references([one for one in found.references if one.space != best.space], compared)
    taught = _taught(best, found.origins)
    note = f"; {taught}" if taught else ""
    against = [_against(best.entry, other, values, compared) for other in others if other in values]
    yield (
        f"Items {whom}: {_called(best.entry)} is best, {title(column)} {best.value:.4f}"
        + (f", against {' and '.join(against)}" if against else "")
        + note
    )


def _against(best: Entry, other: Entry, values: Mapping[Entry, float], compared: Sequence[Comparison]) -> str:
    kind = "join" if "+" in other.space else "single space"
    row = next((row for row in compared if {row.a, row.b} == {best, other}), None)
    apart = "" if row is None or row.p_holm < CLEAR else " (not told apart)"
    return f"{values[other]:.4f} of the best {kind}, {_called(other)}{apart}"


def _taught(best: Score, origins: Mapping[str, Mapping[str, str]]) -> str:
    kinds = {origins.get(best.feature_set, {}).get(part) for part in best.space.split("+")}
    if "interactions" in kinds:
        return (
            "it is learned again without those items' interactions"
            if best.metric == COLD
            else ("their own train interactions taught it")
        )
    if "unknown" in kinds:
        return "what taught it is unknown"
    return "it is a filled join, training not used" if "training not used" in kinds else ""


def _called(entry: Entry) -> str:
    return f"{entry.titled} of {entry.feature_set}"
