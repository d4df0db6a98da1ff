"""The command `diff`: what changed between two feature sets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from featurizer.operations.operation import Argument, Context, Folder, Operation, Outcome, Reads
from featurizer.operations.text import table

if TYPE_CHECKING:
    from featurizer.records import Json
    from featurizer.release.diff import Difference


class Diff(Operation):
    """Say what changed from A to B: items, vectors by cosine, encoders, the text recipe.

    Example: featurizer diff ./features-v1 ./features-v2
    """

    addresses: ClassVar[frozenset[str]] = frozenset({"before", "after"})

    before: Annotated[Folder, Argument("A"), Reads(("features",))]
    """A feature set folder."""
    after: Annotated[Folder, Argument("B"), Reads(("features",))]
    """Another, newer one."""
    tolerance: Annotated[float, Field(ge=0)] = 1e-6
    """Vectors whose cosine is below 1 minus this have changed."""

    def run(self, context: Context) -> Outcome[Difference]:
        """Compare the two."""
        from featurizer.features.feature_set import FeatureSet
        from featurizer.release.diff import difference

        found = difference(
            FeatureSet.open(self.before), FeatureSet.open(self.after), tolerance=self.tolerance
        )
        text = "\n".join(_told(found, self.before, self.after))
        return Outcome(
            found, "the same" if found.same else "they differ", text, {"same": found.same, **asdict(found)}
        )


def _told(found: Difference, before: Path, after: Path) -> Iterator[str]:
    if found.same:
        yield f"{before} and {after} hold the same items, vectors and provenance"
        return
    for word, items in (("added", found.items_added), ("removed", found.items_removed)):
        if items:
            yield f"items {word}: {len(items):,}, such as {', '.join(items[:3])}"
    if found.reordered:
        yield "the items that both hold stand in another order"
    for word, spaces in (("added", found.spaces_added), ("removed", found.spaces_removed)):
        if spaces:
            yield f"spaces {word}: {', '.join(spaces)}"
    yield from _spaces(found)
    if found.provenance:
        rows = [[one.key, _short(one.before), _short(one.after)] for one in found.provenance]
        yield table(["differs", "before", "after"], rows)


def _spaces(found: Difference) -> Iterator[str]:
    columns = ("compared", "unequal", "changed", "appeared", "vanished", "mean_cosine", "lowest_cosine")
    rows = [[name, *(getattr(one, column) for column in columns)] for name, one in found.spaces.items()]
    if not rows:
        return
    yield table(["space", *columns[:-2], "mean cos", "lowest cos"], rows)
    if found.vectors_equal:
        yield "every vector of the items and spaces that both hold is equal, bit for bit"
    for name, one in found.spaces.items():
        for item in one.most_changed:
            yield f"  {name}: {item.item_id} {item.cosine:.4f}"


def _short(value: Json) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:20]}…{text[-16:]}"
