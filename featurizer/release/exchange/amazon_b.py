"""`amazon-b`: the image features of Amazon 2014, `image_features_Baby.b`; only read.

A record is a 10-byte ASIN and 4,096 little-endian float32, one after the other to the end of the file (McAuley et al.,
SIGIR 2015). The files hold every product of a category, 1 to 8 GB: records are streamed into an array on disk.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from featurizer.errors import InputError
from featurizer.release.exchange.content import Found
from featurizer.release.exchange.format import Files, Format
from featurizer.unpacked import open_bytes

ASIN, DIM = 10, 4096
RECORD = ASIN + 4 * DIM
STORED = np.dtype("<f4")
SPACE = "amazon_image"


def read(path: Path, files: Files) -> Found:
    """Read every record, the first of each ASIN; the vectors lie in a file that is gone when nobody holds them.

    Raises:
        InputError: the file ends inside a record, or an id is no ASIN.
    """
    ids: dict[str, None] = {}
    with tempfile.TemporaryFile() as held:
        for asin, vector in records(path):
            if asin not in ids:
                ids[asin] = None
                held.write(vector)
        if not ids:
            raise InputError(f"{path} is empty; expected records of a 10-byte ASIN and {DIM} float32")
        held.flush()
        vectors = np.memmap(held, STORED, mode="r", shape=(len(ids), DIM))
    return Found(list(ids), dict.fromkeys(files, vectors))


def select(path: Path, files: Files, ids: Sequence[str]) -> Found:
    """Read the records of some items, in the order of `ids`; an item without a record is not present.

    Raises:
        InputError: as `read`; or the file has none of the items.
    """
    rows = {item: row for row, item in enumerate(ids)}
    present = np.zeros(len(ids), bool)
    with tempfile.TemporaryFile() as held:
        held.truncate(len(ids) * 4 * DIM)
        vectors = np.memmap(held, STORED, mode="r+", shape=(len(ids), DIM))
    for asin, vector in records(path):
        row = rows.get(asin)
        if row is not None and not present[row]:
            vectors[row] = np.frombuffer(vector, STORED)
            present[row] = True
    if not present.any():
        raise InputError(
            f"{path} has none of the {len(ids)} items of --ids, such as {ids[0]}; expected their ASINs"
        )
    return Found(list(ids), dict.fromkeys(files, vectors), dict.fromkeys(files, present))


def records(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield ASINs and the bytes of their vectors, in the file's order; `.gz` is unpacked on the way.

    Raises:
        InputError: as `read`.
    """
    place = 0
    try:
        with open_bytes(path) as file:
            while record := file.read(RECORD):
                if len(record) < RECORD:
                    raise InputError(
                        f"{path} ends {RECORD - len(record)} bytes short of record {place + 1}; expected {RECORD} "
                        "bytes each. It was not downloaded whole: fetch it again"
                    )
                yield _asin(record[:ASIN], path, place), record[ASIN:]
                place += 1
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}") from error


def _asin(text: bytes, path: Path, place: int) -> str:
    if not (text.isascii() and text.isalnum()):
        raise InputError(
            f"{path}: record {place + 1} begins with {text!r}, expected an ASIN of {ASIN} letters and digits; "
            "is it one of the image_features_….b files?"
        )
    return text.decode("ascii")


def guess(path: Path) -> Files:
    """Call the file's only space `amazon_image`."""
    if not path.is_file():
        raise InputError(f"{path} is a folder; expected a file such as image_features_Baby.b")
    return {SPACE: path.name}


FORMAT = Format("amazon-b", read, guess, select=select)
