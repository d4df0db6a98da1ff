"""`mmrec`: the layout of an MMRec data set folder.

`image_feat.npy`, `text_feat.npy` (row = itemID), `NAME.inter` (userID, itemID, x_label: 0 train, 1 valid, 2 test),
`i_id_mapping.csv`, `u_id_mapping.csv`, and `NAME.yaml` for MMRec's `src/configs/dataset/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import yaml

from featurizer.errors import InputError
from featurizer.release.exchange.content import Content, Found, check_text_ids, one_a_modality, partitions
from featurizer.release.exchange.format import Files, Format
from featurizer.release.exchange.ids import MAPPING, USERS, read_ids, write_mapping
from featurizer.release.exchange.npy import read_array, write_array
from featurizer.results.files import atomic_path

IMAGE, TEXT = "image_feat.npy", "text_feat.npy"
SLOTS = {"image": IMAGE, "text": TEXT, "both": IMAGE}
LABELS = {"train": 0, "valid": 1, "test": 2}


def write(content: Content, folder: Path) -> Files:
    """Write the folder; what reads pictures and texts both goes where MMRec looks for pictures."""
    files = one_a_modality(content, SLOTS)
    check_text_ids(content.item_ids, "item")
    for space in content.spaces:
        write_array(folder / files[space.name], space)
    write_mapping(folder / MAPPING, content.item_ids, ("asin", "itemID"))
    if content.interactions is not None:
        _write_interactions(content, content.interactions, folder)
    with atomic_path(folder / f"{content.name}.yaml") as partial:
        partial.write_text(
            yaml.safe_dump(_config(content.name), sort_keys=False, allow_unicode=True), "utf-8"
        )
    return files


def _write_interactions(content: Content, interactions: pl.DataFrame, folder: Path) -> None:
    if "all" in partitions(interactions):
        raise InputError(
            "MMRec reads interactions that are split; expected a split in every row of --interactions"
        )
    users = interactions["user_id"].unique(maintain_order=True).to_list()
    check_text_ids(users, "user")
    numbered = interactions.select(
        number(interactions["user_id"], users).alias("userID"),
        number(interactions["item_id"], content.item_ids).alias("itemID"),
        pl.col("split").replace_strict(LABELS, return_dtype=pl.Int64).alias("x_label"),
    )
    with atomic_path(folder / f"{content.name}.inter") as partial:
        numbered.write_csv(partial, separator="\t")
    write_mapping(folder / USERS, users, ("user_id", "userID"))


def number(ids: pl.Series, known: Sequence[str]) -> pl.Series:
    """Return each id's place in `known`."""
    return ids.replace_strict(list(known), np.arange(len(known)), return_dtype=pl.Int64)


def _config(name: str) -> dict[str, object]:
    return {
        "USER_ID_FIELD": "userID",
        "ITEM_ID_FIELD": "itemID",
        "TIME_FIELD": "timestamp",
        "filter_out_cod_start_users": True,
        "inter_file_name": f"{name}.inter",
        "vision_feature_file": IMAGE,
        "text_feature_file": TEXT,
        "user_graph_dict_file": "user_graph_dict.npy",
        "field_separator": "\t",
    }


def read(path: Path, files: Files) -> Found:
    """Read the folder; without a mapping an item's id is its itemID."""
    vectors = {space: read_array(path / file) for space, file in files.items()}
    rows = len(next(iter(vectors.values())))
    mapped = (path / MAPPING).exists()
    return Found(read_ids(path / MAPPING) if mapped else [str(row) for row in range(rows)], vectors)


def guess(path: Path) -> Files:
    """Name the two feature files `mmrec_image` and `mmrec_text`."""
    found = {
        f"mmrec_{side}": file for side, file in (("image", IMAGE), ("text", TEXT)) if (path / file).exists()
    }
    if not found:
        raise InputError(f"{path} holds neither {IMAGE} nor {TEXT}; expected the folder of an MMRec data set")
    return found


FORMAT = Format("mmrec", read, guess, write, only_used=True)
