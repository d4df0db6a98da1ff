"""A process that decodes pictures for another one, and how the two talk: through its standard input and output.

Not `multiprocessing`: that imports the program's main module again in every process, which a script or notebook may
not be written for, and a process that was forked from one with a GPU must not touch it.
"""

from __future__ import annotations

import io
import os
import pickle
import signal
import struct
import subprocess
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import IO, Any

import torch

from featurizer.errors import FeaturizerError
from featurizer.features.prepare import Prepared, Row, prepare_rows
from featurizer.memory import keep_freed_memory

PROGRAM = (
    "import sys; sys.path[:] = sys.argv[1:]; from featurizer.features.decode_worker import serve; serve()"
)
COUNTS = struct.Struct("<Q")
PIPE = 2**18
"""Bytes that a pipe holds, where the system lets it be said: fewer turns for a message than with 64 kB."""
NICE = 5
"""How far workers stand back behind the process that feeds the model, which they would keep waiting for a core."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that decodes."""

    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, prepare: bytes) -> Worker:
        """Start one.

        Args:
            prepare: the pickled preparations by space.
        """
        command = [sys.executable, "-c", PROGRAM, *sys.path]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, pipesize=PIPE
        )
        worker = cls(process)
        worker._send(prepare)
        return worker

    def ask(self, rows: Sequence[Row], spaces: Collection[str]) -> list[Prepared]:
        """Have rows decoded, and prepared for some spaces.

        Raises:
            FeaturizerError: the process has ended.
        """
        self._send((list(rows), list(spaces)))
        assert self.process.stdout is not None
        try:
            found: list[Prepared] = receive(self.process.stdout)
        except EOFError as error:
            raise self._ended() from error
        return found

    def _send(self, value: object) -> None:
        assert self.process.stdin is not None
        try:
            send(self.process.stdin, value)
        except BrokenPipeError as error:
            raise self._ended() from error

    def _ended(self) -> FeaturizerError:
        code = self.process.wait()
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        return FeaturizerError(
            f"a process that decodes pictures was ended {how}; expected it to live as long as this one. Look at the "
            "memory that is left, or decode on threads: --decoders threads"
        )

    def stop(self) -> None:
        """End it: it does when nobody can ask it any more."""
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            try:
                pipe.close()
            except BrokenPipeError:
                continue  # what was buffered for a process that has ended
        self.process.wait()


def serve() -> None:
    """Answer rows with what was made of them, until the standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the asking process is interrupted, and ends this one
    torch.set_num_threads(1)
    keep_freed_memory()
    os.nice(NICE)
    inbox, outbox = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    prepare = pickle.loads(receive(inbox))  # noqa: S301 - from the process that started this one
    while True:
        try:
            rows, spaces = receive(inbox)
        except EOFError:
            return
        send(outbox, prepare_rows(rows, {space: prepare[space] for space in spaces}))


def send(pipe: IO[bytes], value: object) -> None:
    """Write a value so that `receive` reads it: arrays and tensors as they lie in memory."""
    buffers: list[pickle.PickleBuffer] = []
    file = io.BytesIO()
    _Pickler(file, protocol=5, buffer_callback=buffers.append).dump(value)
    parts = [file.getbuffer(), *(buffer.raw() for buffer in buffers)]
    pipe.write(COUNTS.pack(len(parts)) + b"".join(COUNTS.pack(part.nbytes) for part in parts))
    for part in parts:
        pipe.write(part)
    pipe.flush()


def receive(pipe: IO[bytes]) -> Any:  # noqa: ANN401 - whatever was sent
    """Read a value.

    Raises:
        EOFError: the other side has ended.
    """
    (count,) = COUNTS.unpack(_read(pipe, COUNTS.size))
    sizes = struct.unpack(f"<{count}Q", _read(pipe, COUNTS.size * count))
    head, *buffers = (_read(pipe, size) for size in sizes)
    return pickle.loads(head, buffers=buffers)  # noqa: S301 - from a process of this program


def _read(pipe: IO[bytes], size: int) -> bytearray:
    found = bytearray(size)
    view = memoryview(found)
    while len(view):
        count = pipe.readinto(view)  # type: ignore[attr-defined]
        if not count:
            raise EOFError
        view = view[count:]
    return found


class _Pickler(pickle.Pickler):
    """Sends tensors as arrays, which protocol 5 copies nowhere."""

    def reducer_override(self, value: object) -> Any:  # noqa: ANN401 - pickle's own
        if isinstance(value, torch.Tensor):
            return torch.from_numpy, (value.contiguous().numpy(),)
        return NotImplemented
