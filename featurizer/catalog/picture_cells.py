"""What stands in a cell of pictures, as exports write it: an address, a path, several, or the picture itself."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import unquote_to_bytes

from featurizer.catalog.images.addresses import OBJECT_STORES, scheme_of
from featurizer.catalog.images.local import confined, is_file_url
from featurizer.records import ImageRef

_SUFFIX = re.compile(r"\.(?:jpe?g|jfif|png|webp|gif|bmp|tiff?|avif|jp2|hei[cf])$", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]+:)?//[^\s/]", re.IGNORECASE)
_BETWEEN = re.compile(r"\s*\|\s*|\s*[,;]\s*(?=(?:[A-Za-z][A-Za-z0-9+.-]+:)?//)|\s*\n\s*|\s+(?=https?://)")
DIVIDER = re.compile(r"[|,;\s]")
"""One of these stands between two pictures; most cells have none."""
_DATA = re.compile(r"data:[^,;]*(?:;[^,;]+)*,", re.IGNORECASE)
_BASE64 = re.compile(
    r"(?:iVBORw0KGgo|/9j/|R0lGOD|UklGR|Qk[0-9A-Za-z+/]{2}|SUkq|TU0A)[A-Za-z0-9+/\s]+={0,2}\s*"
)
"""Of pictures: PNG, JPEG, GIF, WebP, BMP and TIFF begin so."""
NO_PICTURE = frozenset({"-", "--", "–", "—", "n/a", "#n/a", "n.a.", "none", "null", "nan", "nil"})
"""What people write where there is no picture, folded; beside `values.NOTHING`."""
_SEPARATOR = re.compile(r"\s*[|,;\n]\s*")
LEAST_BASE64 = 64
"""Signs; what is shorter is a name."""


def several(text: str) -> list[str]:
    """Return the parts of a cell that names several pictures; of any other cell the cell alone.

    `a|b`; addresses with commas, semicolons, blanks or line ends between them; and names of pictures with commas or
    semicolons between them. A comma inside an address, and in a name that would leave a part without the suffix of a
    picture, divides nothing. Signs for no picture between them are left out.
    """
    text = text.strip()
    if not DIVIDER.search(text) or _DATA.match(text) or _BASE64.fullmatch(text):
        return [text]
    text = _without_nothing(text)
    parts = [part for part in _BETWEEN.split(text) if part]
    if len(parts) != 1:
        return parts
    names = [part.strip() for part in re.split(r"[,;]", text) if part.strip()]
    if len(names) > 1 and not _ADDRESS.match(text) and all(map(_SUFFIX.search, names)):
        return names
    return [text]


def _without_nothing(text: str) -> str:
    """Return a cell without the parts that are signs for no picture; inside an address they are no parts."""
    parts = _SEPARATOR.split(text)
    if not any(map(_is_nothing, parts)):
        return text
    addresses = any(map(_ADDRESS.match, parts))
    inside = [
        addresses and not (_is_nothing(after) or _ADDRESS.match(after))
        for part, after in pairwise(parts)
        if _is_nothing(part)
    ]
    if any(inside):
        return text
    signs = ["", *(sign.group() for sign in _SEPARATOR.finditer(text))]
    kept = [(sign, part) for sign, part in zip(signs, parts, strict=True) if not _is_nothing(part)]
    return "".join(sign * (place > 0) + part for place, (sign, part) in enumerate(kept))


def _is_nothing(part: str) -> bool:
    return not part or part.casefold() in NO_PICTURE


def is_elsewhere(text: str) -> bool:
    """Say whether a cell is an address that names no file of this disk."""
    return "://" in text and scheme_of(text) not in OBJECT_STORES


def reference(text: str, folder: Path | None) -> ImageRef:
    r"""Return one picture that a text names, or holds.

    `data:` addresses and base64 are the picture itself; `//cdn/a.jpg` is asked for over https; of a path of Windows
    (`C:\shop\pics\a.jpg`, `\\server\pics\a.jpg`), of an absolute one (`/m/b/a.jpg`, as Magento writes), and of an
    address of an object store whose copy lies here (`s3://bucket/pics/a.jpg`), as much as lies below `folder` is taken.

    Args:
        text: of a cell, or a part of it.
        folder: where its files lie; None allows no file at all.
    """
    data = _carried(text)
    if data is not None:
        return ImageRef(data=data)
    if text.startswith("//") and _ADDRESS.match(text):
        return ImageRef(url=f"https:{text}")
    if scheme_of(text) in OBJECT_STORES:
        copy = _copied(text.partition("://")[2], folder)
        return ImageRef(url=text) if copy is None else confined(ImageRef(path=copy), folder)
    if "://" in text or is_file_url(text):
        return confined(ImageRef(url=text), folder)
    if "\\" in text:
        return confined(ImageRef(path=_of_windows(text, folder)), folder)
    return confined(ImageRef(path=_of_posix(text, folder)), folder)


def _carried(text: str) -> bytes | None:
    if (head := _DATA.match(text)) is not None:
        body = unquote_to_bytes(text[head.end() :])
        return _decoded(body) if head[0].lower().endswith(";base64,") else body
    if len(text) >= LEAST_BASE64 and _BASE64.fullmatch(text):
        return _decoded(text.encode())
    return None


def _decoded(text: bytes) -> bytes:
    """Return what base64 says; nothing where it is none, so that the picture is one that cannot be read."""
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error:
        return b""


def _of_posix(text: str, folder: Path | None) -> Path:
    if folder is None:
        return Path(text)
    path = folder / text
    if not text.startswith("/") or path.is_relative_to(folder.absolute()):
        return path
    parts = PurePosixPath(text).parts[1:]
    return _first_there(parts, folder, least=min(2, len(parts))) or path


def _of_windows(text: str, folder: Path | None) -> Path:
    path = PureWindowsPath(text)
    parts = path.parts[1:] if path.anchor else path.parts
    below = Path() if folder is None else folder
    if not path.anchor:
        return below.joinpath(*parts)
    return _first_there(parts, below) or below.joinpath(*parts[-1:])


def _copied(key: str, folder: Path | None) -> Path | None:
    """Return the file that a copy of an object store has for `bucket/pics/a.jpg`; None where there is none."""
    return None if folder is None else _first_there(PurePosixPath(key.lstrip("/")).parts, folder)


def _first_there(parts: Sequence[str], folder: Path, least: int = 1) -> Path | None:
    """Return the longest end of a path, of at least so many parts, that names a file below a folder."""
    found = (folder.joinpath(*parts[start:]) for start in range(len(parts) - least + 1))
    return next((place for place in found if _is_there(place)), None)


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long, or with what no path may hold
        return False
