"""`npy`: one `SPACE.npy` a space and `item_ids.json`; read without unpickling anything."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np

from featurizer.errors import InputError
from featurizer.release.exchange.content import Content, ExchangedVectors, Found
from featurizer.release.exchange.format import Files, Format
from featurizer.release.exchange.ids import IDS, read_ids, write_ids
from featurizer.results.files import atomic_path


def write(content: Content, folder: Path) -> Files:
    """Write each space in the type it is stored in."""
    files = {space.name: f"{safe_name(space.name)}.npy" for space in content.spaces}
    for space in content.spaces:
        write_array(folder / files[space.name], space, space.dtype)
    write_ids(folder / IDS, content.item_ids)
    return files


def read(path: Path, files: Files) -> Found:
    """Read spaces; without `item_ids.json` an item's id is its row number."""
    folder = path if path.is_dir() else path.parent
    vectors = {space: read_array(folder / file) for space, file in files.items()}
    rows = len(next(iter(vectors.values())))
    listed = path.is_dir() and (folder / IDS).exists()
    return Found(read_ids(folder / IDS) if listed else [str(row) for row in range(rows)], vectors)


def guess(path: Path) -> Files:
    """Take the file itself, or every `.npy` of the folder, as a space of its name."""
    found = [path] if path.is_file() else sorted(path.glob("*.npy"))
    if not found:
        raise InputError(f"{path} holds no .npy file; expected one a space, or give the file itself")
    return {file.stem: file.name for file in found}


def write_array(path: Path, space: ExchangedVectors, dtype: str = "float32") -> None:
    """Write a space as a `.npy` file; a kill leaves none half."""
    with atomic_path(path) as partial, partial.open("wb") as file:
        write_numbers(file, space, dtype)


def write_numbers(file: IO[bytes], space: ExchangedVectors, dtype: str) -> None:
    """Write what `numpy.save` would, a block of rows at a time."""
    shape = (space.source.shape[0], space.dim)
    header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    for _, rows in space.blocks():
        file.write(rows.astype(dtype, copy=False).tobytes())


def read_array(path: Path) -> np.ndarray:
    """Read (n, d) rows from a `.npy` file, mapped into memory.

    Raises:
        InputError: missing, no NumPy file, pickled, not two-dimensional, or not numbers.
    """
    try:
        with np.errstate(over="raise"):  # of a size that no integer holds
            rows = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, ArithmeticError) as error:
        raise InputError(f"{path} cannot be read as a NumPy file of numbers: {error}") from error
    if not isinstance(rows, np.ndarray) or rows.ndim != 2 or rows.dtype.kind not in "fiu":
        shape = getattr(rows, "shape", "?")
        raise InputError(
            f"{path} holds {getattr(rows, 'dtype', 'several arrays')} of shape {shape}; expected numbers of shape "
            "(items, dim)"
        )
    return rows


def safe_name(space: str) -> str:
    """Return a space's name as a file name.

    Raises:
        InputError: it would name another folder.
    """
    if not space or space.startswith(".") or any(character in space for character in "/\\\0"):
        raise InputError(
            f"the space {space!r} cannot name a file; give the set spaces without slashes or leading dots"
        )
    return space


FORMAT = Format("npy", read, guess, write)
