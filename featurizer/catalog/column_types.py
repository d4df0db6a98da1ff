"""What the types of columns say: which are kept, which hold pictures."""

from __future__ import annotations

import pyarrow as pa

KEPT = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)


def stored_type(kind: pa.DataType) -> pa.DataType:
    """Return the type a source's own column is stored in: numbers and booleans as they are, the rest as text."""
    return kind if any(is_kept(kind) for is_kept in KEPT) else pa.string()


def is_picture(kind: pa.DataType) -> bool:
    """Say whether a column of this type holds pictures, or lists of them, as `datasets` stores its feature Image."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return is_picture(kind.value_type)
    return pa.types.is_struct(kind) and {field.name for field in kind} == {"bytes", "path"}


def float_bits(kind: pa.DataType) -> int:
    """Return how many bits a column's floats have; 64 where it holds none, as of all that Python reads itself."""
    return int(kind.bit_width) if pa.types.is_floating(kind) else 64
