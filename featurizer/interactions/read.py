"""Reading who used what: Parquet, CSV, TSV, MMRec's `.inter`; gzip too."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import polars as pl
import polars.selectors as cs

from featurizer.errors import InputError
from featurizer.interactions.delimited import QUOTES, SEPARATORS, place_of, suffix_of, trimmed, uneven
from featurizer.interactions.times import unix_seconds
from featurizer.text_files import encoding_of, read_text, separator_hint, wrong_byte
from featurizer.values import as_id

COLUMNS = {
    "user_id": ("user_id", "userid", "user", "reviewerid"),
    "item_id": ("item_id", "itemid", "item", "parent_asin", "asin"),
    "timestamp": (
        "timestamp",
        "time",
        "unixreviewtime",
        "datetime",
        "date",
        "event_time",
        "created_at",
        "ts",
        "when",
    ),
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
_FLOATS = {"Float16": 16, "Float32": 32}


def read_interactions(path: Path, *, item_map: Path | None = None) -> pl.DataFrame:
    """Read interactions, one row a user-item event.

    Args:
        path: `.parquet`, `.csv`, `.tsv` or `.inter` (columns `userID itemID x_label`: 0 train, 1 valid,
            2 test), `.gz` may follow. Columns are recognized by their usual names; a `:token` type suffix
            is dropped. Times are unix seconds, milli-, micro- or nanoseconds, told apart by their size, dates such as
            `20200913`, ISO text such as `2020-09-13 12:26:40` (UTC where no zone stands), or text such as
            `13.09.2020` and `13/09/2020`.
        item_map: a CSV or TSV with the columns asin and itemID, for a file that numbers its items: ids become
            the catalog's.

    Returns:
        user_id, item_id: string; timestamp: int64, unix seconds, null where unknown; rating: float64, likewise; split:
        string, null when the file has none.

    Raises:
        InputError: the file is missing, empty, of another format, lacks a column, or names a split or a time that
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
            first = place_of(path, named[column].is_null().arg_max() or 0)
            raise InputError(
                f"{path}: {missing} rows have no {column}, the first in {first}; expected one in every row"
            )
    return named


def _read(path: Path) -> pl.DataFrame:
    suffix = suffix_of(path)
    try:
        if suffix == ".parquet":
            return pl.read_parquet(path)
        if suffix in SEPARATORS:
            return _separated(path, suffix)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; expected a file of interactions") from None
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path} cannot be read as {suffix}: {_brief(error)}") from error
    raise InputError(
        f"{path}: cannot tell the format; expected .parquet, .csv, .tsv or .inter (.gz may follow)"
    )


def _separated(path: Path, suffix: str) -> pl.DataFrame:
    try:
        frame = pl.read_csv(
            _utf8(path), separator=SEPARATORS[suffix], quote_char=QUOTES[suffix], infer_schema=False
        )
    except pl.exceptions.PolarsError as error:
        raise wrong_byte(path) or uneven(path) or error from error
    # Polars fills short rows with nulls: where the last column has none, no row is short
    fault = uneven(path) if frame.width and frame[:, -1].null_count() else None
    if fault is not None:
        raise fault
    return frame


def _utf8(path: Path) -> Path | bytes:
    """Return what Polars reads as UTF-8: the file, or its content where its first bytes say another encoding."""
    return path if encoding_of(path).startswith("utf-8") else read_text(path).encode()


def _rename(frame: pl.DataFrame, path: Path) -> pl.DataFrame:
    folded = {name.split(":")[0].casefold(): name for name in reversed(frame.columns)}
    found = {
        field: next((folded[name] for name in names if name in folded), None)
        for field, names in COLUMNS.items()
    }
    lacking = [field for field in ("user_id", "item_id") if found[field] is None]
    if lacking:
        fault = wrong_byte(path) if path.suffix != ".parquet" else None
        raise fault or InputError(
            f"{path} has no column that is a {' or '.join(lacking)}; it has {', '.join(frame.columns)}, "
            f"expected for example {', '.join(COLUMNS[lacking[0]])}.{separator_hint(frame.columns)}"
        )
    columns = [
        (pl.col(name) if name is not None else pl.lit(None)).alias(field) for field, name in found.items()
    ]
    try:
        named = frame.select(columns)
        named = named.with_columns(
            ids(named[column], f"{path}: {column}") for column in ("user_id", "item_id")
        )
        named = named.with_columns(cs.binary().cast(pl.String)).with_columns(_split_names())
        named = named.with_columns(_ratings(named["rating"], path))
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{path}: expected ratings to be numbers: {_brief(error)}") from error
    named = named.with_columns(unix_seconds(named["timestamp"], path, partial(place_of, path)))
    strange = (
        named.filter(pl.col("split").is_not_null() & ~pl.col("split").is_in(SPLITS))["split"]
        .unique()
        .to_list()
    )
    if strange:
        raise InputError(f"{path}: unknown split {strange[:3]}; expected train, valid, test or 0, 1, 2")
    return named


def ids(values: pl.Series, origin: str) -> pl.Series:
    """Return values as ids by the one rule, `as_id`; null where there is none.

    Args:
        values: of any type.
        origin: what an error begins with.

    Raises:
        InputError: a value can be no id.
    """
    each, bits = values.unique(), _FLOATS.get(str(values.dtype), 64)
    try:
        found = pl.Series("id", (as_id(value, bits=bits) for value in each.to_list()), pl.String)
    except InputError as error:
        raise InputError(f"{origin}: {error}") from error
    if each.dtype == pl.String and each.equals(found):
        return values
    by_value = pl.DataFrame([each.alias("value"), found])
    joined = values.alias("value").to_frame().join(by_value, on="value", how="left", maintain_order="left")
    return joined["id"].alias(values.name)


def _ratings(ratings: pl.Series, path: Path) -> pl.Series:
    if ratings.dtype != pl.String:
        return ratings.cast(pl.Float64)
    ratings = trimmed(ratings)
    numbers = ratings.cast(pl.Float64, strict=False)
    strange = numbers.is_null() & ratings.is_not_null()
    if strange.any():
        row = strange.arg_max() or 0
        raise InputError(
            f"{path}, {place_of(path, row)}: the rating {ratings[row]!r} is no number; expected ratings to be numbers, "
            "such as 4.5, or nothing"
        )
    return numbers


def _split_names() -> pl.Expr:
    text = pl.col("split").cast(pl.String)
    return text.replace({"0": "train", "1": "valid", "2": "test", "validation": "valid"})


def _map_items(frame: pl.DataFrame, item_map: Path, path: Path) -> pl.DataFrame:
    try:
        text = read_text(item_map)
        head = text.partition("\n")[0]
        table = pl.read_csv(text.encode(), separator="\t" if "\t" in head else ",", infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"item map {item_map} cannot be read: {_brief(error)}") from error
    folded = {name.casefold(): name for name in table.columns}
    asin = next((folded[name] for name in ("asin", "item_id", "parent_asin") if name in folded), None)
    if asin is None or "itemid" not in folded:
        raise InputError(
            f"item map {item_map} has the columns {', '.join(table.columns)}; expected asin and itemID"
        )
    pairs = pl.DataFrame(
        {
            "item_id": ids(table[folded["itemid"]], f"item map {item_map}"),
            "mapped": ids(table[asin], f"item map {item_map}"),
        }
    )
    if pairs["item_id"].is_duplicated().any():
        raise InputError(f"item map {item_map} lists an itemID twice; expected each once")
    joined = frame.join(pairs, on="item_id", how="left", maintain_order="left")
    unknown = joined.filter(pl.col("mapped").is_null())["item_id"].unique(maintain_order=True)
    if len(unknown):
        raise InputError(f"{len(unknown)} items of {path} are not in {item_map}, such as {unknown[0]}")
    return joined.with_columns(pl.col("mapped").alias("item_id")).drop("mapped")


def _brief(error: Exception) -> str:
    return str(error).partition("\n")[0]
