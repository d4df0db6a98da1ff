"""The bytes of a body as they arrive, of large ones outside of the heap: many of them would leave it full of holes."""

from __future__ import annotations

from mmap import mmap
from typing import Final

SMALL: Final = 2**18
"""Bytes; what is no larger is kept as it comes."""
BLOCK: Final = 2**20
"""Bytes that are asked of the system at once, for what is larger; as soon as they are free it has them back."""


class Body:
    """What has arrived so far.

    Attributes:
        size: in bytes.
    """

    def __init__(self) -> None:
        self.size = 0
        self._pieces: list[bytes] = []
        self._blocks: list[mmap] = []
        self._full = 0

    def add(self, piece: bytes) -> None:
        """Take the next piece."""
        self.size += len(piece)
        self._pieces.append(piece)
        if self.size > SMALL:
            for kept in self._pieces:
                self._put(memoryview(kept))
            self._pieces = []

    def _put(self, piece: memoryview) -> None:
        while piece:
            if self._full == len(self._blocks) * BLOCK:
                self._blocks.append(mmap(-1, BLOCK))
            put = self._blocks[-1].write(piece[: len(self._blocks) * BLOCK - self._full])
            self._full += put
            piece = piece[put:]

    def whole(self) -> bytes:
        """Return all of it."""
        if not self._blocks:
            return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        *full, last = self._blocks
        return b"".join([*full, memoryview(last)[: last.tell()]])
