"""The command `datasets`: what `download` can fetch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from featurizer.operations.operation import Argument, Completed, Context, Operation, Outcome
from featurizer.operations.text import plain, table

if TYPE_CHECKING:
    from featurizer.catalog.datasets import DatasetEntry


class Datasets(Operation):
    """List the datasets of data_manifest.yaml, or show one: addresses, format, terms, citation, statistics.

    Example: featurizer datasets show amazon-2014-baby
    """

    name: Annotated[str | None, Argument("NAME", verb="show"), Completed("dataset")] = None
    """A dataset's name; without one all are listed."""

    def run(self, context: Context) -> Outcome[dict[str, DatasetEntry]]:
        """Read the manifest."""
        from featurizer.catalog.datasets import get_dataset, load_datasets

        if self.name is not None:
            return _shown(self.name, get_dataset(self.name))
        found = dict(load_datasets())
        rows = [
            [
                name,
                entry.title,
                entry.expected.users,
                entry.expected.items,
                entry.split if entry.has_interactions else None,
                entry.license,
            ]
            for name, entry in found.items()
        ]
        return Outcome(
            found,
            f"{len(found)} datasets",
            table(["name", "title", "users", "items", "split", "license"], rows),
            {name: entry.model_dump() for name, entry in found.items()},
            advice=("Get one with: featurizer download NAME --out DIR",),
        )


def _shown(name: str, entry: DatasetEntry) -> Outcome[dict[str, DatasetEntry]]:
    told = entry.model_dump(exclude_none=True)
    text = "\n".join(f"{key}: {plain(value)}" for key, value in told.items() if value != {})
    return Outcome({name: entry}, f"{name}: {entry.title}", text, {"name": name, **told})
