"""`safetensors`: one file with a tensor a space, and `item_ids.json`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from featurizer.errors import InputError
from featurizer.release.exchange.content import Content, Found
from featurizer.release.exchange.format import Files, Format
from featurizer.release.exchange.ids import IDS, read_ids, write_ids
from featurizer.results.files import atomic_path

FILE = "features.safetensors"


def write(content: Content, folder: Path) -> Files:
    """Write each space in the type it is stored in."""
    tensors = {space.name: np.ascontiguousarray(space.rows.astype(space.dtype)) for space in content.spaces}
    with atomic_path(folder / FILE) as partial:
        save_file(tensors, partial)
    write_ids(folder / IDS, content.item_ids)
    return dict.fromkeys(tensors, FILE)


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
