"""The records that flow between stages: one item, one image, one reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""A value as JSON knows it: what manifests, extra columns and `--json` carry."""

OK = "ok"
NONE = "none"
NOT_MODIFIED = "not_modified"
"""Of a picture that is known, and still the same."""
REPEATED = "repeated"
"""Of a picture whose bytes are those of another one of its item."""
NO_FAILURE = frozenset({OK, NONE, REPEATED})
"""What a picture may say without having failed."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What a server said of a picture that is known: it sends the picture only if that is another now.

    Attributes:
        etag: what it calls the version that is known.
        last_modified: since when the picture is as it is known.
    """

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class ImageRef:
    """Where an item's picture is to be had; at most one of the three is set, none means no picture.

    `url` is fetched over http(s), `path` is read from disk, `data` are the encoded bytes themselves
    (a source that carries its pictures inside). `name` is the file name to record beside `data`. Where somebody's data
    named the file, `folder` is the one that it must lie in, links followed, and `url` may be the `file:` address.
    With a `condition` a picture that is the known one is not sent again: its status is `not_modified`.
    """

    url: str | None = None
    path: Path | None = None
    data: bytes | None = None
    name: str | None = None
    folder: Path | None = field(default=None, compare=False)
    condition: Condition | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """One item as a source tells it, before the text recipe and before its picture is fetched.

    `categories` are ordered from general to special. `further` are its pictures beside `image`, in their order.
    `extra` holds every other source column under its own name; it is stored with the item and never enters the text.
    """

    item_id: str
    title: str | None = None
    brand: str | None = None
    description: str | None = None
    categories: tuple[str, ...] = ()
    image: ImageRef = field(default_factory=ImageRef)
    extra: Mapping[str, Json] = field(default_factory=dict)
    further: tuple[ImageRef, ...] = ()

    @property
    def images(self) -> tuple[ImageRef, ...]:
        """All its pictures, the first one first, be it none."""
        return self.image, *self.further


@dataclass(frozen=True, slots=True)
class FetchedImage:
    """What became of one item's picture: the encoded bytes as received, or the reason there are none.

    `status` is `ok`, `none` (the item names no picture) or a reason: `http_404`, `timeout`,
    `connection`, `not_an_image`, `placeholder`, `too_large`, `truncated`, `missing_file`, `empty`, …
    `data` is set only when `status` is `ok`; `sha256` is of the received bytes, also of rejected ones, where all came.
    How it came is told beside: the tries, the Unix time of the first and of the last, and what the server called it.
    """

    status: str
    data: bytes | None = None
    sha256: str | None = None
    width: int | None = None
    height: int | None = None
    attempts: int = 0
    path: str | None = None
    first: float | None = field(default=None, compare=False)
    last: float | None = field(default=None, compare=False)
    etag: str | None = field(default=None, compare=False)
    last_modified: str | None = field(default=None, compare=False)

    def named(self, path: str | None) -> FetchedImage:
        """Return the same under a file name."""
        return FetchedImage(
            self.status, self.data, self.sha256, self.width, self.height, self.attempts, path,
            self.first, self.last, self.etag, self.last_modified,
        )  # fmt: skip
