"""Every format by name."""

from __future__ import annotations

from collections.abc import Mapping

from featurizer.errors import UnknownName
from featurizer.release.exchange import amazon_b, cornac, elliot, lance, mmrec, npy, recbole, safetensors
from featurizer.release.exchange.content import Format

FORMATS: Mapping[str, Format] = {
    module.FORMAT.name: module.FORMAT
    for module in (npy, mmrec, cornac, elliot, recbole, safetensors, lance, amazon_b)
}


def format_named(name: str, *, written: bool = False) -> Format:
    """Return a format.

    Args:
        name: as `--format` takes it.
        written: the error lists only those that can be written, too.

    Raises:
        UnknownName: none is called so.
    """
    if name not in FORMATS:
        raise UnknownName(
            "format", name, [key for key, one in FORMATS.items() if not written or one.write is not None]
        )
    return FORMATS[name]
