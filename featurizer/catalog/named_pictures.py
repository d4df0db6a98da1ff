"""Pictures of a folder by the id of the item they are named after."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from featurizer.catalog.files_below import files_below, readable
from featurizer.errors import InputError
from featurizer.values import as_id

logger = logging.getLogger(__name__)

PICTURES = (
    ".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".jp2", ".heic", ".heif",
)  # fmt: skip
"""What files of pictures are called."""
SHOWN = 3
"""So many pictures of one name are listed."""


@dataclass(frozen=True, slots=True)
class NamedPictures:
    """The pictures of a folder, its subfolders included.

    An id finds the picture that its path below the folder is, with the suffix or without; else one that has it as its
    name. Of several the first by path is taken, and `say` says so.

    Attributes:
        folder: where they lie.
        names: pictures by their paths below the folder, by these without suffix, and by their stems; the more exact
            first.
        several: those that stood for an item beside the one taken, by its id.
    """

    folder: Path
    names: tuple[Mapping[str, tuple[Path, ...]], ...]
    several: dict[str, tuple[Path, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path) -> NamedPictures:
        """Look through a folder.

        Raises:
            InputError: the folder is not there or holds no picture.
        """
        if not folder.is_dir():
            raise InputError(
                f"{folder} is no folder; expected pictures named by item id, or the folder that image paths start from"
            )
        paths = [path for path in files_below(folder).files if path.suffix.lower() in PICTURES]
        if not paths:
            raise InputError(
                f"{folder} holds no picture; expected files ending in {', '.join(sorted(PICTURES))}"
            )
        below = [path.relative_to(folder) for path in paths]
        names = (
            [readable(path.as_posix()) for path in below],
            [readable(path.with_suffix("").as_posix()) for path in below],
            [readable(path.stem) for path in below],
        )
        return cls(folder, tuple(_grouped(kind, paths) for kind in names))

    def find(self, item_id: str | None) -> Path | None:
        """Return the item's picture, None where there is none."""
        found = next((kind[item_id] for kind in self.names if item_id in kind), ()) if item_id else ()
        if item_id and len(found) > 1:
            self.several[item_id] = found
        return found[0] if found else None

    @property
    def paths(self) -> list[Path]:
        """Every picture, ordered by path."""
        return sorted(path for found in self.names[0].values() for path in found)

    def say(self) -> None:
        """Warn of the items that several pictures are named after."""
        if not self.several:
            return
        item, found = next(iter(self.several.items()))
        shown = ", ".join(readable(path.relative_to(self.folder)) for path in found[:SHOWN])
        logger.warning(
            "%s items have several pictures of their name below %s, such as %s: %s%s; the first is taken. An id that "
            "is a path below the folder (such as %s) names one",
            f"{len(self.several):,}",
            self.folder,
            item,
            shown,
            ", …" if len(found) > SHOWN else "",
            readable(found[0].relative_to(self.folder).with_suffix("")),
        )


def _grouped(names: Iterable[str], paths: Iterable[Path]) -> Mapping[str, tuple[Path, ...]]:
    found: defaultdict[str, list[Path]] = defaultdict(list)
    for name, path in zip(names, paths, strict=True):
        found[as_id(name) or name].append(path)
    return {name: tuple(same) for name, same in found.items()}
