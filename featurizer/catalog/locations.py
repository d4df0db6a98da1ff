"""What somebody's path stands for: a table, several, a folder of pictures with or without a table, a saved data set."""

from __future__ import annotations

import glob
import json
from collections.abc import Sequence
from pathlib import Path

from featurizer.catalog.files_below import files_below
from featurizer.errors import InputError, UnknownName
from featurizer.results.store_path import ADDRESS
from featurizer.tables.open import suffix_of

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
"""What the Hub's ImageFolder calls the table beside its pictures."""
SAVED, SPLITS = "state.json", "dataset_dict.json"
"""What `save_to_disk` leaves: of a data set, and of several splits."""
_TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".arrow")


def expanded(locations: Sequence[str]) -> tuple[Path, ...]:
    """Return the files and folders that paths and patterns such as `exports/*.csv` name, patterns in order of names.

    Raises:
        InputError: one names nothing, or is an address.
    """
    found: list[Path] = []
    for location in locations:
        if ADDRESS.match(location):
            raise InputError(
                f"{location} is the address of a store or a server, expected a path of this machine, or hf:ORG/NAME; "
                "copy what is there"
            )
        path = Path(location).expanduser()
        if path.exists() or not glob.has_magic(location):
            if not path.exists():
                raise InputError(
                    f"{path} does not exist; expected a table, a folder of pictures or tables, or hf:ORG/NAME"
                )
            found.append(path)
            continue
        matching = sorted(map(Path, glob.glob(str(path), recursive=True)))  # noqa: PTH207 - absolute patterns too
        if not matching:
            raise InputError(f"nothing is called like {location}; expected tables")
        found += matching
    return tuple(dict.fromkeys(found))


def tables_in(folder: Path, pictures: Sequence[str], split: str = "train") -> tuple[Path, ...]:
    """Return the tables that a folder is: none where it is one of pictures alone.

    A data set that `datasets` saved gives its Arrow files, an ImageFolder its metadata; else a folder without pictures
    gives all tables below it, but for names that begin with `.` or `_`.

    Args:
        folder: that exists.
        pictures: suffixes.
        split: of a data set that was saved with several, which one.

    Raises:
        InputError: it holds neither pictures nor tables, or has no such split.
    """
    if (folder / SPLITS).is_file():
        splits = [str(name) for name in json.loads((folder / SPLITS).read_text("utf-8")).get("splits", ())]
        if split not in splits:
            raise UnknownName(f"split of {folder}", split, splits, advice="Name one with --hub-split.")
        return tables_in(folder / split, pictures)
    if (folder / SAVED).is_file():
        state = json.loads((folder / SAVED).read_text("utf-8"))
        return tuple(folder / Path(file["filename"]).name for file in state["_data_files"])
    files = [file for file in files_below(folder).files if file.is_file()]
    pictured = any(file.suffix.lower() in pictures for file in files)
    metadata = tuple(file for file in files if file.name.lower() in METADATA)
    if metadata and pictured:
        return metadata
    if pictured:
        return ()
    tables = tuple(
        file
        for file in files
        if suffix_of(file) in _TABLES
        and not any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)
    )
    if not tables:
        raise InputError(
            f"{folder} holds no picture and no table; expected {', '.join(pictures)} files, in subfolders too, or "
            f"{', '.join(_TABLES)}"
        )
    return tables
