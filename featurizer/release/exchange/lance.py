"""`lance`: a Lance data set with `item_id` and one fixed-size list a space; missing vectors are null."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from featurizer.errors import InputError
from featurizer.registry import Extra
from featurizer.release.exchange.content import Content, Found
from featurizer.release.exchange.format import Files, Format
from featurizer.release.exchange.parquet import as_batches, found_in, spaces_of

FOLDER = "features.lance"


def write(content: Content, folder: Path) -> Files:
    """Write each space as a fixed-size list, in the type it is stored in."""
    import lance

    schema, batches = as_batches(content)
    lance.write_dataset(pa.RecordBatchReader.from_batches(schema, batches), str(folder / FOLDER))
    return dict.fromkeys([space.name for space in content.spaces], FOLDER)


def read(path: Path, files: Files) -> Found:
    """Read spaces with their nulls; without a column of ids an item's id is its row number."""
    return found_in(_table(path), list(files), path)


def guess(path: Path) -> Files:
    """Take every column of lists of numbers as a space of its name."""
    return dict.fromkeys(spaces_of(_table(path).schema, path), FOLDER)


def _table(path: Path) -> pa.Table:
    import lance

    place = path / FOLDER if (path / FOLDER).is_dir() else path
    try:
        return lance.dataset(str(place)).to_table()
    except (OSError, ValueError) as error:
        raise InputError(f"{place} cannot be read as a Lance data set: {error}") from error


FORMAT = Format("lance", read, guess, write, nulls=True, extra=Extra(("lance",), "lance"))
