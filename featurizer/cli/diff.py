"""`featurizer diff`: what changed between two feature sets."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from featurizer.cli.console import result, result_json, table

if TYPE_CHECKING:
    from featurizer.records import Json
    from featurizer.release.diff import Difference


def diff(
    before: Annotated[Path, typer.Argument(help="A feature set folder.", metavar="A")],
    after: Annotated[Path, typer.Argument(help="Another, newer one.", metavar="B")],
    tolerance: Annotated[
        float, typer.Option(min=0, help="Vectors whose cosine is below 1 minus this have changed.")
    ] = 1e-6,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say what changed from A to B: items, vectors by cosine, encoders, the text recipe.

    Example: featurizer diff ./features-v1 ./features-v2
    """
    from featurizer.features.feature_set import FeatureSet
    from featurizer.release.diff import difference

    found = difference(FeatureSet.open(before), FeatureSet.open(after), tolerance=tolerance)
    if as_json:
        result_json({"same": found.same, **asdict(found)})
    else:
        _show(found, before, after)


def _show(found: Difference, before: Path, after: Path) -> None:
    if found.same:
        result(f"{before} and {after} hold the same items, vectors and provenance")
        return
    for word, items in (("added", found.items_added), ("removed", found.items_removed)):
        if items:
            result(f"items {word}: {len(items):,}, such as {', '.join(items[:3])}")
    if found.reordered:
        result("the items that both hold stand in another order")
    for word, spaces in (("added", found.spaces_added), ("removed", found.spaces_removed)):
        if spaces:
            result(f"spaces {word}: {', '.join(spaces)}")
    rows = [
        [
            name,
            one.compared,
            one.unequal,
            one.changed,
            one.appeared,
            one.vanished,
            one.mean_cosine,
            one.lowest_cosine,
        ]
        for name, one in found.spaces.items()
    ]
    if rows:
        result(
            table(
                ["space", "compared", "unequal", "changed", "appeared", "vanished", "mean cos", "lowest cos"],
                rows,
            )
        )
    if rows and found.vectors_equal:
        result("every vector of the items and spaces that both hold is equal, bit for bit")
    for name, one in found.spaces.items():
        for item in one.most_changed:
            result(f"  {name}: {item.item_id} {item.cosine:.4f}")
    if found.provenance:
        result(
            table(
                ["differs", "before", "after"],
                [[one.key, _short(one.before), _short(one.after)] for one in found.provenance],
            )
        )


def _short(value: Json) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:20]}…{text[-16:]}"
