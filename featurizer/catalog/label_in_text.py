"""Labels that stand in the text: a space that has read them is no judge of how well it tells them apart."""

from __future__ import annotations

import re
from collections.abc import Sequence

MOST = 0.5
"""From this share of the items on a comparison is marked."""
MARK = "*"
NOTE = f"{MARK} the space has read the label: it stands in the text of most items"
_WORD = re.compile(r"\w+")


def share_in_text(labels: Sequence[object], texts: Sequence[str | None]) -> float:
    """Return the share of the labeled items whose text holds their label, all of it where it is a list; 0 without any.

    Args:
        labels: n; None where an item has none.
        texts: n, as the recipe rendered them.
    """
    pairs = [(label, text) for label, text in zip(labels, texts, strict=True) if label is not None]
    return sum(_stands_in(label, text) for label, text in pairs) / max(len(pairs), 1)


def marked(figure: str, modality: str, in_text: float) -> str:
    """Return a figure of a space, with a mark where the space reads text and most texts hold the label."""
    return f"{figure} {MARK}" if modality != "image" and in_text >= MOST else figure


def _stands_in(label: object, text: str | None) -> bool:
    parts = label if isinstance(label, list | tuple) else [label]
    words = [_words(str(part)) for part in parts if part is not None]
    return bool(text and words) and all(part in _words(text or "") for part in words)


def _words(text: str) -> str:
    """Return the words of a text between blanks, so that `red` does not stand in `bored`."""
    return f" {' '.join(_WORD.findall(text.casefold()))} "
