"""How much memory blocks may take, as a person writes it."""

from __future__ import annotations

import re

from featurizer.errors import InputError

UNITS = {"": 0, "B": 0, "KB": 1, "MB": 2, "GB": 3, "KIB": 1, "MIB": 2, "GIB": 3}
LEAST = 1 << 20
MEMORY = "1GiB"
"""Where nothing else is asked for."""


def parse_memory(text: str) -> int:
    """Read `512MiB`, `2 GB` or a number of bytes.

    Raises:
        InputError: it is no size, or less than 1 MiB.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]*)", text.strip())
    unit = match[2].upper() if match else ""
    if match is None or unit not in UNITS:
        raise InputError(f"'{text}' is no amount of memory; expected one such as 512MiB or 2GiB")
    size = int(float(match[1]) * (1024 if "I" in unit else 1000) ** UNITS[unit])
    if size < LEAST:
        raise InputError(f"{text} is too little memory for a block of scores; expected at least 1MiB")
    return size
