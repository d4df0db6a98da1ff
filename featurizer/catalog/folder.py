"""A folder of pictures as a source: one item a picture, captions beside them, subfolders as categories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from featurizer.catalog.files_below import FilesBelow, files_below, is_readable, readable
from featurizer.catalog.images.local import confined
from featurizer.catalog.named_pictures import PICTURES
from featurizer.errors import InputError
from featurizer.records import ImageRef, ItemRecord, Json
from featurizer.results.files import fingerprint
from featurizer.text_files import read_text
from featurizer.values import as_id

UNREAD = (".svg", ".psd", ".eps", ".ai", ".pdf")
"""Kinds of picture that Pillow does not read by itself."""


@dataclass(frozen=True)
class FolderSource:
    """Items from a folder: `shoes/red.png` is item `shoes/red`, its title the first line of `shoes/red.txt`.

    Where several pictures would have one id, as `1.jpg`, `1.png` and `1.0.jpg`, theirs keep the suffix. Pictures of a
    kind that is not decoded (`UNREAD`) are no items; `notes` counts them.

    Attributes:
        path: the folder.
        images: another one, which links in it may lead to.
    """

    path: Path
    images: Path | None = None

    def __iter__(self) -> Iterator[ItemRecord]:
        """Yield the pictures ordered by path."""
        for item_id, picture in self._pictures:
            yield ItemRecord(
                item_id=item_id,
                title=_caption(picture),
                categories=tuple(map(readable, picture.relative_to(self.path).parent.parts)),
                image=confined(ImageRef(path=picture), self.path, self.images),
            )

    @property
    def notes(self) -> dict[str, int]:
        r"""What of the folder is not as it seems.

        How many pictures of each kind that is not decoded it holds (`ignored_svg_files`), how many links to folders,
        which are not entered, and how many names that are no UTF-8 (in ids `\xe9` stands for such a byte).
        """
        kinds = Counter(path.suffix.lower() for path in self._below.files)
        found = {
            **{f"ignored_{kind[1:]}_files": kinds[kind] for kind in UNREAD},
            "ignored_linked_folders": len(self._below.linked_folders),
            "names_not_utf8": sum(not is_readable(path) for _, path in self._pictures),
        }
        return {name: count for name, count in found.items() if count}

    @property
    def extra(self) -> dict[str, pa.DataType]:
        """A folder has no further columns."""
        return {}

    @property
    def identity(self) -> dict[str, Json]:
        """The pictures' and captions' names and sizes."""
        files = (file for _, picture in self._pictures for file in (picture, picture.with_suffix(".txt")))
        return {
            "files": fingerprint(
                {
                    readable(file.relative_to(self.path)): file.stat().st_size
                    for file in files
                    if file.exists()
                }
            )
        }

    @cached_property
    def _below(self) -> FilesBelow:
        return files_below(self.path)

    @cached_property
    def _pictures(self) -> list[tuple[str, Path]]:
        """Every picture with its item's id; a link that leads nowhere is one too."""
        paths = [path for path in self._below.files if path.suffix.lower() in PICTURES]
        if not paths:
            raise InputError(
                f"{self.path} holds no picture; expected {', '.join(PICTURES)} files, in subfolders too"
            )
        whole = [readable(path.relative_to(self.path)) for path in paths]
        short = [_as_id(readable(path.relative_to(self.path).with_suffix(""))) for path in paths]
        names = _told_apart(short, map(_as_id, whole))
        return list(zip(_told_apart(names, whole), paths, strict=True))


def _as_id(name: str) -> str:
    return as_id(name) or name


def _told_apart(names: Sequence[str], longer: Iterable[str]) -> list[str]:
    """Return the names; where several are the same, the longer ones in their place."""
    times = Counter(names)
    return [long if times[name] > 1 else name for name, long in zip(names, longer, strict=True)]


def _caption(picture: Path) -> str | None:
    try:
        text = read_text(picture.with_suffix(".txt"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"caption {picture.with_suffix('.txt')} cannot be read: {error}") from error
    return next((line.strip() for line in text.splitlines() if line.strip()), None)
