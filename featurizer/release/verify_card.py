"""A card against the one that its manifest makes: the first line that differs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

REPO = re.compile(
    r'hf://datasets/([^/\s"]+/[^/\s"]+)/|load_dataset\("([^"/]+/[^"]+)"|featurizer pull ([^/\s]+/\S+) '
)
"""Where a card says which repository it stands in."""
AGAIN = "'featurizer card' writes it again"


def card_problems(
    path: Path, render: Callable[[str | None, str], str], comparable: Callable[[str], str] = str
) -> Iterator[str]:
    """Compare a card with what is rendered now; none is no problem.

    Args:
        path: the card.
        render: makes the card for a repository, given the text of the one that is there.
        comparable: takes out of a card what does not depend on what lies in the folder.
    """
    if not path.is_file():
        return
    try:
        found = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        yield f"it cannot be read: {error}; {AGAIN}"
        return
    named = REPO.search(found)
    repo = next((one for one in named.groups() if one), None) if named else None
    expected = render(repo, found)
    yield from _first_difference(comparable(found), comparable(expected))


def _first_difference(found: str, expected: str) -> Iterator[str]:
    if found == expected:
        return
    lines, others = found.splitlines(), expected.splitlines()
    for number, (line, other) in enumerate(zip(lines, others, strict=False), 1):
        if line != other:
            yield f"line {number} is {_short(line)}, the manifest makes it {_short(other)}; {AGAIN}"
            return
    yield f"it has {len(lines)} lines, the manifest makes {len(others)} of it; {AGAIN}"


def leave_out(section: str, card: str) -> str:
    """Return a card without the section under a heading."""
    before, found, after = card.partition(f"\n{section}\n")
    _, more, rest = after.partition("\n## ")
    return before + more + rest if found else card


def _short(line: str) -> str:
    return repr(line if len(line) <= 60 else f"{line[:57]}…")
