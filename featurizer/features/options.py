"""How a feature set is stored and made where nothing else is said; the command line reads it: nothing heavy here."""

from __future__ import annotations

from typing import Literal, TypeAlias

StoredDtype: TypeAlias = Literal["float32", "float16"]
"""What vectors are stored in."""

BATCH_SIZE = 32
"""Items that an encoder sees at once."""
SHARD_ROWS = 2048
"""Items a shard."""
