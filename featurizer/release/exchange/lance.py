"""`lance`: a Lance data set with `item_id` and one fixed-size list a space; missing vectors are null."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from featurizer.errors import InputError
from featurizer.features.schema import StoredDtype, arrow_to_vectors, vectors_to_arrow
from featurizer.registry import Extra
from featurizer.release.exchange.content import Content, Found
from featurizer.release.exchange.format import Files, Format

FOLDER = "features.lance"


def write(content: Content, folder: Path) -> Files:
    """Write each space in the type it is stored in."""
    columns = {"item_id": pa.array(list(content.item_ids), pa.string())}
    for space in content.spaces:
        dtype: StoredDtype = "float16" if space.dtype == "float16" else "float32"
        columns[space.name] = vectors_to_arrow(space.rows, space.present, dtype)
    import lance

    lance.write_dataset(pa.table(columns), str(folder / FOLDER))
    return dict.fromkeys([space.name for space in content.spaces], FOLDER)


def read(path: Path, files: Files) -> Found:
    """Read spaces with their nulls; without a column item_id an item's id is its row number."""
    table = _table(path)
    lacking = [space for space in files if space not in table.column_names]
    if lacking:
        raise InputError(f"{path} holds no column {lacking[0]}; it has {', '.join(table.column_names)}")
    pairs = {space: arrow_to_vectors(table.column(space)) for space in files}
    listed = "item_id" in table.column_names
    ids = table.column("item_id").to_pylist() if listed else [str(row) for row in range(table.num_rows)]
    half = {space: pa.types.is_float16(table.schema.field(space).type.value_type) for space in files}
    vectors = {name: rows.astype("float16") if half[name] else rows for name, (rows, _) in pairs.items()}
    return Found(ids, vectors, {name: present for name, (_, present) in pairs.items()})


def guess(path: Path) -> Files:
    """Take every fixed-size list of floats as a space of its name."""
    schema = _table(path).schema
    found = [
        field.name
        for field in schema
        if pa.types.is_fixed_size_list(field.type) and pa.types.is_floating(field.type.value_type)
    ]
    if not found:
        raise InputError(
            f"{path} has the columns {', '.join(schema.names)}; expected a fixed-size list of floats"
        )
    return dict.fromkeys(found, FOLDER)


def _table(path: Path) -> pa.Table:
    import lance

    place = path / FOLDER if (path / FOLDER).is_dir() else path
    try:
        return lance.dataset(str(place)).to_table()
    except (OSError, ValueError) as error:
        raise InputError(f"{place} cannot be read as a Lance data set: {error}") from error


FORMAT = Format("lance", read, guess, write, nulls=True, extra=Extra(("lance",), "lance"))
