"""Rows of a table that are one item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from featurizer.catalog.columns import as_images
from featurizer.catalog.item_pictures import PictureKey, key_of
from featurizer.records import ImageRef


@dataclass(slots=True)
class MergedRows:
    """Rows of one item as one.

    Attributes:
        cells: of each column the first that holds something.
    """

    cells: dict[str, object] = field(default_factory=dict)
    _pictures: dict[str, dict[PictureKey, ImageRef]] = field(default_factory=dict)

    def add(self, row: Mapping[str, object], pictures: tuple[str, ...], folder: Path) -> None:
        """Add a row.

        Args:
            row: of any table.
            pictures: its columns of pictures.
            folder: where its pictures' paths start; that of another row may be another.
        """
        for name, cell in row.items():
            if _is_empty(self.cells.get(name)):
                self.cells[name] = cell
        for name in pictures:
            known = self._pictures.setdefault(name, {})
            for ref in as_images(row.get(name), folder):
                known.setdefault(key_of(ref), ref)

    @property
    def pictures(self) -> list[ImageRef]:
        """The pictures of all rows, each once; those of a column come before those of the next."""
        found: dict[PictureKey, ImageRef] = {}
        for known in self._pictures.values():
            for key, ref in known.items():
                found.setdefault(key, ref)
        return [*found.values()]


def _is_empty(cell: object) -> bool:
    return cell is None or cell in ("", [], {})
