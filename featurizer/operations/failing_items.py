"""Every item that something failed of, by its reason, as `inspect --failures` lists them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

from featurizer.operations.failed_pictures import told_pictures_of
from featurizer.records import NO_FAILURE, Json
from featurizer.values import counted

if TYPE_CHECKING:
    from featurizer.catalog.store import Catalog
    from featurizer.features.feature_set import FeatureSet

Failing: TypeAlias = Mapping[str, list[tuple[str, str]]]
"""By reason, the commonest first: the item, and what is known of where."""


def failing_pictures(catalog: Catalog) -> Failing:
    """Return the items of a catalog whose pictures failed, each with the address or path of the picture."""
    return _by_reason(
        (status, item, address or "")
        for item, status, address in told_pictures_of(catalog)
        if status not in NO_FAILURE
    )


def failing_items(features: FeatureSet) -> Failing:
    """Return the items of a feature set that could not be encoded."""
    rows = (row for table in features.tables(["item_id", "error"]) for row in table.to_pylist())
    return _by_reason((row["error"], row["item_id"], "") for row in rows if row["error"] is not None)


def _by_reason(failed: Iterable[tuple[str, str, str]]) -> Failing:
    found: dict[str, list[tuple[str, str]]] = {}
    for reason, item, place in failed:
        found.setdefault(reason, []).append((item, place))
    return dict(sorted(found.items(), key=lambda one: -len(one[1])))


def lines(failing: Failing, what: str) -> Iterator[str]:
    """Yield them for a person.

    Args:
        failing: by reason.
        what: failed, one of them: `picture`.
    """
    if not failing:
        yield "\nnothing failed"
    for reason, items in failing.items():
        yield f"\n{reason}: {counted(len(items), what, f'{what}s')}"
        yield from (f"  {item}  {place}".rstrip() for item, place in items)


def record(failing: Failing) -> dict[str, Json]:
    """Return them for `--json`."""
    return {
        reason: [{"item_id": item, **({"url": place} if place else {})} for item, place in items]
        for reason, items in failing.items()
    }
