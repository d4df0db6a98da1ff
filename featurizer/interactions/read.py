"""Reading who used what: Parquet, CSV, TSV, MMRec's `.inter`; gzip too."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from featurizer.errors import InputError

COLUMNS = {
    "user_id": ("user_id", "userid", "user", "reviewerid"),
    "item_id": ("item_id", "itemid", "item", "asin", "parent_asin"),
    "timestamp": ("timestamp", "time", "unixreviewtime"),
    "rating": ("rating", "overall"),
    "split": ("split", "x_label"),
}
SPLITS = ("train", "valid", "test")
SCHEMA = {
    "user_id": pl.String(),
    "item_id": pl.String(),
    "timestamp": pl.Int64(),
    "rating": pl.Float64(),
    "split": pl.String(),
}
_SEPARATORS = {".csv": ",", ".tsv": "\t", ".inter": "\t"}


def read_interactions(path: Path, *, item_map: Path | None = None) -> pl.DataFrame:
    """Read interactions, one row a user-item event.

    Args:
        path: `.parquet`, `.csv`, `.tsv` or `.inter` (columns `userID itemID x_label`: 0 train, 1 valid,
            2 test), `.gz` may follow. Columns are recognized by their usual names; a `:token` type suffix
            is dropped.
        item_map: a CSV or TSV with the columns asin and itemID, for a file that numbers its items: ids become
            the catalog's.

    Returns:
        user_id, item_id: string; timestamp: int64, null where unknown; rating: float64, likewise; split:
        string, null when the file has none.

    Raises:
        InputError: the file is missing, empty, of another format, lacks a column, or names a split that
            is none.
    """
    frame = _read(path)
    named = _rename(frame, path)
    if item_map is not None:
        named = _map_items(named, item_map, path)
    if not named.height:
        raise InputError(f"{path} holds no interactions; expected at least one row")
    for column in ("user_id", "item_id"):
        missing = named[column].null_count()
        if missing:
            raise InputError(f"{path}: {missing} rows have no {column}; expected one in every row")
    return named


def _read(path: Path) -> pl.DataFrame:
    name = path.name.lower().removesuffix(".gz")
    suffix = Path(name).suffix
    try:
        if suffix == ".parquet":
            return pl.read_parquet(path)
        if suffix in _SEPARATORS:
            quote = None if suffix == ".inter" else '"'
            return pl.read_csv(path, separator=_SEPARATORS[suffix], quote_char=quote, infer_schema=False)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; expected a file of interactions") from None
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path} cannot be read as {suffix}: {_brief(error)}") from error
    raise InputError(
        f"{path}: cannot tell the format; expected .parquet, .csv, .tsv or .inter (.gz may follow)"
    )


def _rename(frame: pl.DataFrame, path: Path) -> pl.DataFrame:
    folded = {name.split(":")[0].casefold(): name for name in reversed(frame.columns)}
    found = {
        field: next((folded[name] for name in names if name in folded), None)
        for field, names in COLUMNS.items()
    }
    lacking = [field for field in ("user_id", "item_id") if found[field] is None]
    if lacking:
        raise InputError(
            f"{path} has no column that is a {' or '.join(lacking)}; it has {', '.join(frame.columns)}, "
            f"expected for example {', '.join(COLUMNS[lacking[0]])}"
        )
    columns = [
        (pl.col(name) if name is not None else pl.lit(None)).alias(field) for field, name in found.items()
    ]
    try:
        named = frame.select(columns).with_columns(
            pl.col("user_id", "item_id").cast(pl.String).replace("", None),
            _seconds(frame.schema.get(found["timestamp"] or "")),
            pl.col("rating").cast(pl.Float64),
            _split_names(),
        )
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"{path}: ids must be texts or whole numbers, timestamps and ratings numbers: {_brief(error)}"
        ) from error
    strange = (
        named.filter(pl.col("split").is_not_null() & ~pl.col("split").is_in(SPLITS))["split"]
        .unique()
        .to_list()
    )
    if strange:
        raise InputError(f"{path}: unknown split {strange[:3]}; expected train, valid, test or 0, 1, 2")
    return named


def _seconds(kind: pl.DataType | None) -> pl.Expr:
    column = pl.col("timestamp")
    if kind is not None and kind.is_temporal():
        return column.dt.epoch("s").alias("timestamp")
    return column.cast(pl.Float64).cast(pl.Int64)


def _split_names() -> pl.Expr:
    text = pl.col("split").cast(pl.String)
    return text.replace({"0": "train", "1": "valid", "2": "test", "validation": "valid"})


def _map_items(frame: pl.DataFrame, item_map: Path, path: Path) -> pl.DataFrame:
    try:
        head = item_map.read_text("utf-8").partition("\n")[0]
        table = pl.read_csv(item_map, separator="\t" if "\t" in head else ",", infer_schema=False)
    except (OSError, UnicodeDecodeError, pl.exceptions.PolarsError) as error:
        raise InputError(f"item map {item_map} cannot be read: {_brief(error)}") from error
    folded = {name.casefold(): name for name in table.columns}
    asin = next((folded[name] for name in ("asin", "item_id", "parent_asin") if name in folded), None)
    if asin is None or "itemid" not in folded:
        raise InputError(
            f"item map {item_map} has the columns {', '.join(table.columns)}; expected asin and itemID"
        )
    pairs = table.select(pl.col(folded["itemid"]).alias("item_id"), pl.col(asin).alias("mapped"))
    if pairs["item_id"].is_duplicated().any():
        raise InputError(f"item map {item_map} lists an itemID twice; expected each once")
    joined = frame.join(pairs, on="item_id", how="left", maintain_order="left")
    unknown = joined.filter(pl.col("mapped").is_null())["item_id"].unique(maintain_order=True)
    if len(unknown):
        raise InputError(f"{len(unknown)} items of {path} are not in {item_map}, such as {unknown[0]}")
    return joined.with_columns(pl.col("mapped").alias("item_id")).drop("mapped")


def _brief(error: Exception) -> str:
    return str(error).partition("\n")[0]
