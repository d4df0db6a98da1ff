"""A look at the pictures that tables name, before any is read: which files, and whether any item has several."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from featurizer.catalog.files_below import readable
from featurizer.catalog.item_pictures import ItemPictures
from featurizer.catalog.picture_cells import is_elsewhere
from featurizer.records import ImageRef, Json
from featurizer.tables.bad_rows import BadRows
from featurizer.tables.table import Table


@dataclass(slots=True)
class PictureSurvey:
    """What tables name.

    Attributes:
        sizes: of every local file by its path below the folder; None where it is not there.
        several: whether any item names several pictures.
        further: whether any has one of the columns of further pictures.
    """

    sizes: dict[str, Json] = field(default_factory=dict)
    several: bool = False
    further: bool = False

    @classmethod
    def of(
        cls, tables: Iterable[tuple[Table, Path]], pictures: ItemPictures, merged_by: str | None
    ) -> PictureSurvey:
        """Look through tables.

        Args:
            tables: each with the folder that its paths start from.
            pictures: which columns are read.
            merged_by: the column of ids, where rows of one id become one item.
        """
        found = cls()
        columns = [*pictures.columns, *([] if merged_by is None else [merged_by])]
        firsts: dict[object, ImageRef] = {}
        for table, folder in tables:
            known = set[str]()
            for _, row in table.rows(BadRows(table.path), columns):
                text = pictures.names_one(row) if merged_by is None else None
                if text is not None and (text in known or is_elsewhere(text)):
                    continue
                if text is not None:
                    known.add(text)
                refs = pictures.named(row, folder)[: pictures.most]
                if merged_by is not None and refs:
                    first = firsts.setdefault(row.get(merged_by), refs[0])
                    found.several = found.several or first != refs[0]
                found.several = found.several or len(refs) > 1
                found.further = found.further or pictures.reads_further(row, folder)
                for path in (ref.path for ref in refs if ref.path is not None):
                    found.sizes[readable(os.path.relpath(path, folder))] = size_of(path)
        return found


def size_of(path: Path) -> int | None:
    """Return the size of a file; None where it is not there, or no path at all."""
    try:
        return path.stat().st_size
    except (OSError, ValueError):  # too long, or with what no path may hold
        return None
