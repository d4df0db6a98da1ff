"""`safetensors`: one file with a tensor a space, and `item_ids.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from featurizer.errors import InputError
from featurizer.release.exchange.content import Content, ExchangedVectors, Found
from featurizer.release.exchange.format import Files, Format
from featurizer.release.exchange.ids import IDS, read_ids, write_ids
from featurizer.results.files import atomic_path

FILE = "features.safetensors"


def write(content: Content, folder: Path) -> Files:
    """Write each space in the type it is stored in."""
    with atomic_path(folder / FILE) as partial, partial.open("wb") as file:
        spaces = sorted(content.spaces, key=lambda space: (-np.dtype(space.dtype).itemsize, space.name))
        file.write(_header(spaces))
        for space in spaces:
            for _, rows in space.blocks():
                file.write(rows.astype(space.dtype, copy=False).tobytes())
    write_ids(folder / IDS, content.item_ids)
    return {space.name: FILE for space in content.spaces}


def _header(spaces: Sequence[ExchangedVectors]) -> bytes:
    """Return what stands before the numbers, as the format lays it down: a length, then JSON padded to 8 bytes."""
    told, start = {}, 0
    for space in spaces:
        n, dim, dtype = space.source.shape[0], space.dim, np.dtype(space.dtype)
        end = start + n * dim * dtype.itemsize
        told[space.name] = {
            "dtype": f"F{8 * dtype.itemsize}",
            "shape": [n, dim],
            "data_offsets": [start, end],
        }
        start = end
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def read(path: Path, files: Files) -> Found:
    """Read spaces; without `item_ids.json` an item's id is its row number."""
    file = path / FILE if path.is_dir() else path
    tensors = _load(file)
    lacking = [space for space in files if space not in tensors]
    if lacking:
        raise InputError(f"{file} holds no tensor {lacking[0]}; it has {', '.join(tensors)}")
    vectors = {space: tensors[space] for space in files}
    rows = len(next(iter(vectors.values())))
    listed = path.is_dir() and (path / IDS).exists()
    return Found(read_ids(path / IDS) if listed else [str(row) for row in range(rows)], vectors)


def guess(path: Path) -> Files:
    """Take every two-dimensional tensor as a space of its name."""
    file = path / FILE if path.is_dir() else path
    found = [name for name, tensor in _load(file).items() if tensor.ndim == 2]
    if not found:
        raise InputError(f"{file} holds no tensor of shape (items, dim)")
    return dict.fromkeys(found, FILE)


def _load(file: Path) -> dict[str, np.ndarray]:
    try:
        return load_file(file)
    except (OSError, SafetensorError, KeyError) as error:
        raise InputError(f"{file} cannot be read as safetensors of numbers: {error}") from error


FORMAT = Format("safetensors", read, guess, write)
