"""The pictures of an item, from the cells of its row."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from featurizer.catalog.columns import as_images, is_one_text
from featurizer.records import ImageRef
from featurizer.values import counted

PictureKey: TypeAlias = tuple[str | None, Path | None, bytes | None]
"""What makes two references the same picture: its address, its path, or the sha256 of what is carried."""
logger = logging.getLogger(__name__)

MOST_IMAGES: Final = 8
"""So many pictures an item keeps, unless another number is asked for."""


@dataclass(slots=True)
class ItemPictures:
    """Reads items' pictures, and counts those that are more than an item keeps.

    Attributes:
        first: the column of pictures; None for none.
        further: the columns of further ones.
        most: so many an item keeps.
        left_out: of each item that names more, how many.
    """

    first: str | None
    further: tuple[str, ...]
    most: int
    left_out: list[int] = field(default_factory=list)

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns, in their order."""
        return self.further if self.first is None else (self.first, *self.further)

    def read(self, row: Mapping[str, object], folder: Path | None) -> tuple[ImageRef, ...]:
        """Return a row's pictures, each address and path once; those of a column come before those of the next."""
        return self.kept(self.named(row, folder))

    def kept(self, refs: Sequence[ImageRef]) -> tuple[ImageRef, ...]:
        """Return as many of an item's pictures as it keeps."""
        if len(refs) > self.most:
            self.left_out.append(len(refs) - self.most)
        return tuple(refs[: self.most])

    def named(self, row: Mapping[str, object], folder: Path | None) -> list[ImageRef]:
        """Return all of a row's pictures."""
        refs = [] if self.first is None else as_images(row.get(self.first), folder)
        for column in self.further:
            refs += as_images(row.get(column), folder)
        return refs if len(refs) < 2 else list(_distinct(refs))

    def reads_further(self, row: Mapping[str, object], folder: Path | None) -> bool:
        """Say whether any of a row's pictures is of the columns of further ones alone."""
        if not any(row.get(column) for column in self.further):
            return False
        first = [] if self.first is None else as_images(row.get(self.first), folder)
        return len(self.named(row, folder)) > len(list(_distinct(first)))

    def names_one(self, row: Mapping[str, object]) -> str | None:
        """Return the text that is all that a row names, where that shows at once; None where it has to be read."""
        first = None if self.first is None else row.get(self.first)
        return first if is_one_text(first) and not any(row.get(column) for column in self.further) else None

    def settle(self, notes: Counter[str]) -> None:
        """Say once how many were left out, and note it."""
        if not self.left_out:
            return
        items, pictures = len(self.left_out), sum(self.left_out)
        logger.warning(
            "%s more pictures than the %s that are kept: %s left out (--max-images)",
            counted(items, "item names", "items name"),
            self.most,
            counted(pictures, "is", "are"),
        )
        notes["items_with_more_pictures"] = items
        notes["pictures_left_out"] = pictures


def key_of(ref: ImageRef) -> PictureKey:
    """Return what two references to the same picture share."""
    return ref.url, ref.path, None if ref.data is None else hashlib.sha256(ref.data).digest()


def _distinct(refs: Sequence[ImageRef]) -> Iterator[ImageRef]:
    """Yield references in their order, each address and path once; of what is carried the content decides later."""
    seen = set[ImageRef]()
    for ref in refs:
        if ref.data is None:
            if ref in seen:
                continue
            seen.add(ref)
        yield ref
