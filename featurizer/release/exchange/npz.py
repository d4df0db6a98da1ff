"""`npz`: one `features.npz` with an array a space, and `item_ids.json`; read without unpickling anything."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from featurizer.errors import InputError
from featurizer.release.exchange.content import Content, Found
from featurizer.release.exchange.format import Files, Format
from featurizer.release.exchange.ids import IDS, read_ids, write_ids
from featurizer.release.exchange.npy import write_numbers
from featurizer.results.files import atomic_path

FILE = "features.npz"
OWN_IDS = ("item_ids", "item_id", "ids")
"""Arrays of a file that list the ids, where no `item_ids.json` lies beside it."""


def write(content: Content, folder: Path) -> Files:
    """Write each space in the type it is stored in."""
    with atomic_path(folder / FILE) as partial, zipfile.ZipFile(partial, "w") as archive:
        for space in content.spaces:
            with archive.open(f"{space.name}.npy", "w", force_zip64=True) as file:
                write_numbers(file, space, space.dtype)
    write_ids(folder / IDS, content.item_ids)
    return {space.name: FILE for space in content.spaces}


def read(path: Path, files: Files) -> Found:
    """Read spaces; ids stand beside the file or inside it, else an item's id is its row number."""
    arrays = _load(_file(path))
    lacking = [space for space in files if space not in arrays]
    if lacking:
        raise InputError(f"{_file(path)} holds no array {lacking[0]}; it has {', '.join(arrays)}")
    vectors = {space: arrays[space] for space in files}
    if path.is_dir() and (path / IDS).exists():
        return Found(read_ids(path / IDS), vectors)
    own = next((arrays[name] for name in OWN_IDS if name in arrays and arrays[name].ndim == 1), None)
    rows = range(len(next(iter(vectors.values()))))
    return Found([str(item) for item in (rows if own is None else own.tolist())], vectors)


def guess(path: Path) -> Files:
    """Take every two-dimensional array of numbers as a space of its name."""
    arrays = _load(_file(path))
    found = [name for name, array in arrays.items() if array.ndim == 2 and array.dtype.kind in "fiu"]
    if not found:
        raise InputError(
            f"{_file(path)} holds no array of shape (items, dim); it has {', '.join(arrays) or 'none'}"
        )
    return dict.fromkeys(found, _file(path).name)


def _file(path: Path) -> Path:
    return path / FILE if path.is_dir() else path


def _load(file: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(file, allow_pickle=False) as arrays:
            if not isinstance(arrays, np.lib.npyio.NpzFile):
                raise InputError(
                    f"{file} holds one array, no archive of several; expected .npz (or --format npy)"
                )
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{file} cannot be read as an .npz archive of numbers: {error}") from error


FORMAT = Format("npz", read, guess, write)
