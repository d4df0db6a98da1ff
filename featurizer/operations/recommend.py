"""The command `recommend`: one user's list, with titles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from featurizer.config import Flag
from featurizer.operations.operation import Argument, Context, Folder, Operation, Outcome, Reads
from featurizer.operations.text import table

if TYPE_CHECKING:
    from featurizer.recsys.recommend import Recommended


class Recommend(Operation):
    """List what a trained model recommends a user, without what they trained on.

    Example: featurizer recommend ./model --user A1B2 -k 10 --catalog ./catalog
    """

    addresses: ClassVar[frozenset[str]] = frozenset({"catalog"})

    model: Annotated[Folder, Argument("MODEL"), Reads(())]
    """A folder made by 'featurizer train'."""
    user: Annotated[str, Flag("--user", "-u")]
    """The user's id."""
    k: Annotated[int, Field(ge=1), Flag("-k")] = 20
    """How many items."""
    catalog: Annotated[Folder | None, Reads(("catalog",))] = None
    """The catalog, to print titles from."""
    export: Path | None = None
    """Also write the vectors as feature sets, DIR/users and DIR/items."""
    overwrite: bool = False
    """Replace another model's vectors in --export."""

    def writes(self) -> tuple[Path, ...]:
        """Return the folder of the vectors, where they are asked for."""
        return () if self.export is None else (self.export,)

    def run(self, context: Context) -> Outcome[list[Recommended]]:
        """Rank all items for the user."""
        from featurizer.catalog.store import Catalog
        from featurizer.catalog.titles import titles_of
        from featurizer.recsys.recommend import recommend
        from featurizer.recsys.vectors import export_vectors

        found = recommend(self.model, self.user, self.k)
        opened = Catalog.open(self.catalog) if self.catalog else None
        titles = {} if opened is None else titles_of(opened, [one.item_id for one in found])
        if self.export is not None:
            export_vectors(self.model, self.export, overwrite=self.overwrite)
        rows = [
            [place, one.item_id, titles.get(one.item_id) or "", one.score]
            for place, one in enumerate(found, 1)
        ]
        items = [
            {"item_id": one.item_id, "score": one.score, "title": titles.get(one.item_id)} for one in found
        ]
        return Outcome(
            found,
            f"{len(found)} items for {self.user}",
            table(["place", "item", "title", "score"], rows),
            {"user": self.user, "items": items},
        )
