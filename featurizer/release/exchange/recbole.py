"""`recbole`: atomic files. ExchangedVectors are additional features, one file a space, that `preload_weight` takes.

`NAME.inter` (or `NAME.train.inter`, `.valid.inter`, `.test.inter` for `benchmark_filename`), `NAME.item`,
`NAME.SPACE` with the columns `SPACE_id:token` and `SPACE:float_seq`, and `NAME.yaml` with the settings that name them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import yaml

from featurizer.errors import InputError
from featurizer.release.exchange.content import Content, ExchangedVectors, Found, check_text_ids, partitions
from featurizer.release.exchange.format import Files, Format
from featurizer.release.exchange.ids import IMPLICIT
from featurizer.release.exchange.npy import safe_name
from featurizer.results.files import atomic_path

SEQUENCE = ":float_seq"
COLUMNS = {"user_id": "user_id:token", "item_id": "item_id:token", "rating": "rating:float"}
RESERVED = ("inter", "item", "user", "kg", "link", "net", "yaml")


def write(content: Content, folder: Path) -> Files:
    """Write the folder; numbers as the shortest text that reads back as the same float32."""
    check_text_ids(content.item_ids, "item")
    files = {space.name: f"{content.name}.{safe_name(space.name)}" for space in content.spaces}
    for space in content.spaces:
        if space.name in RESERVED:
            raise InputError(f"a space cannot be called {space.name} here: RecBole has a file of that kind")
        _write_space(content, space, folder / files[space.name])
    with atomic_path(folder / f"{content.name}.item") as partial:
        pl.DataFrame({"item_id:token": list(content.item_ids)}).write_csv(partial, separator="\t")
    parts = [] if content.interactions is None else _write_interactions(content, content.interactions, folder)
    with atomic_path(folder / f"{content.name}.yaml") as partial:
        text = yaml.safe_dump(_config(content, parts), sort_keys=False, allow_unicode=True)
        partial.write_text(text, "utf-8")
    return files


def _write_space(content: Content, space: ExchangedVectors, path: Path) -> None:
    with atomic_path(path) as partial, partial.open("wb") as file:
        for some, rows in space.blocks():
            numbers = pc.cast(pa.array(rows.astype(np.float32).reshape(-1)), pa.string())
            offsets = pa.array(np.arange(len(rows) + 1, dtype=np.int32) * space.dim)
            joined = pc.binary_join(pa.ListArray.from_arrays(offsets, numbers), " ")
            table = {
                f"{space.name}_id:token": content.item_ids[some],
                f"{space.name}{SEQUENCE}": joined.to_pylist(),
            }
            pl.DataFrame(table).write_csv(
                file, separator="\t", quote_style="never", include_header=not some.start
            )


def _write_interactions(content: Content, interactions: pl.DataFrame, folder: Path) -> list[str]:
    check_text_ids(interactions["user_id"].unique(maintain_order=True).to_list(), "user")
    columns = [pl.col("user_id"), pl.col("item_id"), pl.col("rating").fill_null(IMPLICIT)]
    names = dict(COLUMNS)
    if not interactions["timestamp"].null_count():
        columns.append(pl.col("timestamp").cast(pl.Float64))
        names["timestamp"] = "timestamp:float"
    parts = partitions(interactions)
    for part, rows in parts.items():
        name = f"{content.name}.inter" if part == "all" else f"{content.name}.{part}.inter"
        with atomic_path(folder / name) as partial:
            rows.select(columns).rename(names).write_csv(partial, separator="\t", quote_style="never")
    return list(parts)


def _config(content: Content, parts: list[str]) -> dict[str, object]:
    names = [space.name for space in content.spaces]
    settings: dict[str, object] = {
        "dataset": content.name,
        "USER_ID_FIELD": "user_id",
        "ITEM_ID_FIELD": "item_id",
        "RATING_FIELD": "rating",
        "field_separator": "\t",
        "seq_separator": " ",
        "load_col": {
            "inter": ["user_id", "item_id", "rating"],
            "item": ["item_id"],
            **{name: [f"{name}_id", name] for name in names},
        },
        "additional_feat_suffix": names,
        "alias_of_item_id": [f"{name}_id" for name in names],
        "preload_weight": {f"{name}_id": name for name in names},
    }
    return settings | ({"benchmark_filename": parts} if parts not in ([], ["all"]) else {})


def read(path: Path, files: Files) -> Found:
    """Read the spaces' files, which must name the same items in the same order."""
    ids: list[str] | None = None
    vectors: dict[str, np.ndarray] = {}
    for space, file in files.items():
        own, vectors[space] = _read_space(path / file)
        if ids is not None and own != ids:
            raise InputError(
                f"{path / file} names other items than the file before it; expected the same, in one order"
            )
        ids = own
    return Found(ids or [], vectors)


def _read_space(path: Path) -> tuple[list[str], np.ndarray]:
    try:
        table = pl.read_csv(path, separator="\t", infer_schema=False, quote_char=None)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(
            f"{path} cannot be read as an atomic file: {str(error).partition(chr(10))[0]}"
        ) from error
    tokens = [name for name in table.columns if name.endswith(":token")]
    sequences = [name for name in table.columns if name.endswith(SEQUENCE)]
    if len(tokens) != 1 or len(sequences) != 1:
        raise InputError(
            f"{path} has the columns {', '.join(table.columns)}; expected one :token and one :float_seq"
        )
    lists = table[sequences[0]].str.split(" ")
    lengths = lists.list.len().unique().to_list()
    if len(lengths) != 1:
        raise InputError(f"{path}: {sequences[0]} holds lists of {len(lengths)} lengths; expected one")
    try:
        numbers = lists.explode().cast(pl.Float32).to_numpy()
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{path}: {sequences[0]} holds something else than numbers: {error}") from error
    return table[tokens[0]].to_list(), numbers.reshape(len(table), lengths[0])


def guess(path: Path) -> Files:
    """Take every atomic file whose header has a `:float_seq` as a space of its suffix."""
    found: dict[str, str] = {}
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        if file.is_file() and SEQUENCE in _header(file):
            found[file.name.split(".", 1)[-1]] = file.name
    if not found:
        raise InputError(f"{path} holds no atomic file with a column of vectors (:float_seq)")
    return found


def _header(path: Path) -> str:
    with path.open("rb") as file:
        return file.readline(10_000).decode("utf-8", errors="replace")


FORMAT = Format("recbole", read, guess, write)
