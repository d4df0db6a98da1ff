"""What a shell offers for a value that is a name."""

from __future__ import annotations

from collections.abc import Callable, Iterable


def of(names: str) -> Callable[[str], list[str]]:
    """Return the completion of one kind of names, a key of `names.NAMES`."""
    from featurizer.operations.names import NAMES

    return beginning(NAMES[names])


def beginning(names: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """Return the completion that offers those of the names that begin as typed."""

    def offered(incomplete: str) -> list[str]:
        return [name for name in names() if name.startswith(incomplete)]

    return offered
