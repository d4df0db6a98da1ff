"""`elliot`: a folder of one array an item, as Elliot's `VisualAttribute` and `TextualAttribute` loaders read it.

`visual_features/NUMBER.npy` and `textual_features/NUMBER.npy` (one dimension each), `train.tsv`, `validation.tsv`,
`test.tsv` (or `dataset.tsv`) in whole numbers, `i_id_mapping.csv`, `u_id_mapping.csv`, and `config.yml` with the
`data_config` that names them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import polars as pl
import yaml

from featurizer.errors import InputError
from featurizer.release.exchange.content import Content, Found, check_text_ids, one_a_modality, partitions
from featurizer.release.exchange.format import Files, Format
from featurizer.release.exchange.ids import MAPPING, USERS, read_ids, write_mapping, write_triples
from featurizer.release.exchange.mmrec import number
from featurizer.results.files import atomic_path

VISUAL, TEXTUAL = "visual_features", "textual_features"
SLOTS = {"image": VISUAL, "text": TEXTUAL, "both": VISUAL}
LOADERS = {VISUAL: "VisualAttribute", TEXTUAL: "TextualAttribute"}
SPLITS = {"train": "train.tsv", "valid": "validation.tsv", "test": "test.tsv", "all": "dataset.tsv"}


def write(content: Content, folder: Path) -> Files:
    """Write the folder; what reads pictures and texts both goes where Elliot looks for pictures."""
    files = one_a_modality(content, SLOTS)
    check_text_ids(content.item_ids, "item")
    write_mapping(folder / MAPPING, content.item_ids, ("asin", "itemID"))
    for space in content.spaces:
        target = folder / files[space.name]
        target.mkdir()
        for some, rows in space.blocks():
            for row, vector in enumerate(rows, some.start):
                np.save(target / f"{row}.npy", vector.astype(np.float32, copy=False))
    written = (
        [] if content.interactions is None else _write_interactions(content, content.interactions, folder)
    )
    with atomic_path(folder / "config.yml") as partial:
        partial.write_text(
            yaml.safe_dump(_config(content.name, files.values(), written), sort_keys=False), "utf-8"
        )
    return files


def _write_interactions(content: Content, interactions: pl.DataFrame, folder: Path) -> list[str]:
    users = interactions["user_id"].unique(maintain_order=True).to_list()
    check_text_ids(users, "user")
    write_mapping(folder / USERS, users, ("user_id", "userID"))
    numbered = interactions.with_columns(
        number(interactions["user_id"], users).alias("user_id"),
        number(interactions["item_id"], content.item_ids).alias("item_id"),
    )
    parts = partitions(numbered)
    for name, rows in parts.items():
        write_triples(rows, folder / SPLITS[name])
    return list(parts)


def _config(name: str, features: Iterable[str], parts: list[str]) -> Mapping[str, object]:
    side = [{"dataloader": LOADERS[folder], folder: f"./{folder}"} for folder in sorted(set(features))]
    data: dict[str, object] = {"strategy": "dataset" if parts == ["all"] else "fixed"}
    paths = {"train": "train_path", "valid": "validation_path", "test": "test_path", "all": "dataset_path"}
    data |= {paths[part]: f"./{SPLITS[part]}" for part in parts}
    return {"experiment": {"dataset": name, "data_config": {**data, "side_information": side}}}


def read(path: Path, files: Files) -> Found:
    """Read the folder; items are those of the mapping, else the numbers that the arrays are named by."""
    first = path / next(iter(files.values()))
    mapped = (path / MAPPING).exists()
    numbers = sorted(_numbers(first))
    ids = read_ids(path / MAPPING) if mapped else [str(row) for row in numbers]
    if mapped and numbers != list(range(len(ids))):
        raise InputError(
            f"{first} holds {len(numbers)} arrays, {MAPPING} {len(ids)} items; expected one each, from 0"
        )
    return Found(ids, {space: _stack(path / file, numbers) for space, file in files.items()})


def _numbers(folder: Path) -> list[int]:
    names = [file.stem for file in folder.glob("*.npy")]
    if not names or not all(name.isascii() and name.isdigit() for name in names):
        raise InputError(f"{folder} holds no arrays named by item numbers; expected 0.npy, 1.npy, …")
    return [int(name) for name in names]


def _stack(folder: Path, numbers: list[int]) -> np.ndarray:
    try:
        rows = [np.load(folder / f"{row}.npy", allow_pickle=False) for row in numbers]
    except (OSError, ValueError) as error:
        raise InputError(f"an array in {folder} cannot be read: {error}") from error
    if {row.shape for row in rows} != {rows[0].shape} or rows[0].ndim != 1:
        raise InputError(f"the arrays in {folder} differ in shape; expected one dimension, as long in each")
    return np.stack(rows)


def guess(path: Path) -> Files:
    """Name the two folders `elliot_image` and `elliot_text`."""
    found = {
        f"elliot_{side}": folder
        for side, folder in (("image", VISUAL), ("text", TEXTUAL))
        if (path / folder).is_dir()
    }
    if not found:
        raise InputError(f"{path} holds neither {VISUAL}/ nor {TEXTUAL}/; expected a data folder for Elliot")
    return found


FORMAT = Format("elliot", read, guess, write)
