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


def format_named(name: str) -> Format:
    """Return a format.

    Raises:
        UnknownName: none is called so.
    """
    if name not in FORMATS:
        raise UnknownName("format", name, FORMATS)
    return FORMATS[name]
