"""A look at the pictures that tables name, before any is read: which files, and whether any item has several."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from featurizer.catalog.files_below import readable
from featurizer.catalog.item_pictures import ItemPictures, PictureKey, key_of
from featurizer.catalog.picture_cells import is_elsewhere
from featurizer.records import Json

Surveyed: TypeAlias = tuple[Mapping[str, object], Path, str | None]
"""A row, the folder that its paths start from, and its item where other rows become that one, too."""


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
    def of(cls, rows: Iterable[Surveyed], pictures: ItemPictures) -> PictureSurvey:
        """Look through rows of tables; those of one folder stand together.

        Args:
            rows: with the columns of pictures.
            pictures: which these are.
        """
        found = cls()
        firsts: dict[str, PictureKey] = {}
        known, place = set[str](), Path()
        for row, folder, item in rows:
            if folder != place:
                known, place = set(), folder
            text = pictures.names_one(row) if item is None else None
            if text is not None and (text in known or is_elsewhere(text)):
                continue
            if text is not None:
                known.add(text)
            refs = pictures.named(row, folder)[: pictures.most]
            found.several = found.several or len(refs) > 1
            if item is not None and refs and not found.several:
                first = key_of(refs[0])
                found.several = firsts.setdefault(item, first) != first
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
