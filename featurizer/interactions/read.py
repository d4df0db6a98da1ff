"""Reading who used what: from any table, and from MMRec's `.inter`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl
import polars.selectors as cs

from featurizer.errors import InputError, UnknownName
from featurizer.interactions.frames import brief, place_of, read_frame, trimmed
from featurizer.interactions.times import holds_times, unix_seconds
from featurizer.results.files import on_this_machine
from featurizer.tables.matching import called, folded, match
from featurizer.tables.reading import AS_FOUND, Reading
from featurizer.text_files import read_text
from featurizer.values import as_id, counted

COLUMNS: Mapping[str, tuple[str, ...]] = {
    field: tuple(map(folded, names.split()))
    for field, names in {
        "user_id": "user_id user reviewer_id customer_id customer client_id account_id member_id visitor_id "
        "session_id uid customer_number customer_no kundennummer kunden_id kunden_nr kunde_nr kunde käufer_id käufer "
        "buyer_id buyer besteller klant client utilisateur usuario cliente username customer_email email_address "
        "email e_mail 用户id 用户 客户编号",
        "item_id": "item_id item parent_asin asin product_id product article_id sku product_sku variant_sku "
        "lineitem_sku article_number article_no item_number item_no product_code product_number artikelnummer "
        "artikel_nr art_nr artikel produktnummer produkt_nr produkt_id produkt article product movie_id track_id "
        "book_id news_id video_id business_id listing_id goods_id content_id stock_code handle ean gtin producto "
        "produit 商品id 商品编号",
        "timestamp": "timestamp time unix_review_time datetime date event_time created_at ts when event_timestamp "
        "purchase_date purchased_at order_date ordered_at invoice_date paid_at processed_at date_created datum "
        "bestelldatum kaufdatum auftragsdatum rechnungsdatum fecha zeit zeitpunkt zeitstempel 时间 下单时间",
        "rating": "rating overall score stars weight bewertung sterne quantity qty lineitem_quantity "
        "item_quantity order_quantity quantity_ordered qty_ordered quantity_purchased units menge anzahl stückzahl "
        "stück cantidad quantité quantità aantal count plays 评分 数量",
        "split": "split x_label",
    }.items()
}
"""The names of each field, folded (`tables.matching.folded`), those preferred first."""
logger = logging.getLogger(__name__)
EXAMPLES = {
    "user_id": ("user_id", "userID", "customer_id", "Kundennummer"),
    "item_id": ("item_id", "itemID", "asin", "product_id", "Artikelnummer"),
}
"""Of names, for messages."""
CALLED = {"user_id": "user", "item_id": "item", "timestamp": "time", "rating": "rating", "split": "split"}
"""What a field is called where the mapping is told."""
SPLITS = ("train", "valid", "test")
SCHEMA = {
    "user_id": pl.String(),
    "item_id": pl.String(),
    "timestamp": pl.Int64(),
    "rating": pl.Float64(),
    "split": pl.String(),
}
_FLOATS = {"Float16": 16, "Float32": 32}


@dataclass(frozen=True, slots=True)
class InteractionColumns:
    """The user's own choice of columns; None means: by their usual names.

    Attributes:
        user: who.
        item: what.
        time: when.
        rating: how much: stars, a weight, a quantity.
    """

    user: str | None = None
    item: str | None = None
    time: str | None = None
    rating: str | None = None

    def resolve(self, columns: Sequence[str], *, origin: str) -> dict[str, str]:
        """Say which of `columns` each field is read from; those that are absent are left out.

        Raises:
            UnknownName: a chosen column is not there.
            InputError: no column is a user's or an item's id.
        """
        asked = {"user_id": self.user, "item_id": self.item, "timestamp": self.time, "rating": self.rating}
        chosen = {field: name for field, name in asked.items() if name is not None}
        for field, meant in chosen.items():
            there = called(meant, columns)
            if there is None:
                raise UnknownName(f"column of {origin}", meant, columns)
            chosen[field] = there
        free = [name for name in columns if name not in chosen.values()]
        matched = match({field: names for field, names in COLUMNS.items() if field not in chosen}, free)
        found = {field: name for field in COLUMNS if (name := chosen.get(field) or matched.get(field))}
        lacking = [field for field in ("user_id", "item_id") if field not in found]
        if lacking:
            raise InputError(
                f"{origin} has no column for the {' and the '.join(lacking)}; it has {', '.join(columns) or 'none'}, "
                f"expected for example {', '.join(EXAMPLES[lacking[0]])}; 'featurizer ingest' takes any with "
                "--user-column and --item-column"
            )
        return found


USUAL_COLUMNS = InteractionColumns()


def read_interactions(
    path: Path | Sequence[Path],
    *,
    item_map: Path | None = None,
    columns: InteractionColumns = USUAL_COLUMNS,
    reading: Reading = AS_FOUND,
    told: bool = False,
) -> pl.DataFrame:
    """Read interactions, one row a user-item event.

    Args:
        path: a table of any format, or several of them, in a store too; `.inter` is MMRec's (columns
            `userID itemID x_label`: 0 train, 1 valid, 2 test). Columns are recognized by their usual names; a
            `:token` type suffix is dropped. Times are unix seconds, milli-, micro- or nanoseconds, told apart
            by their size, dates such as `20200913`, ISO text such as `2020-09-13 12:26:40` (UTC where no zone
            stands), or text such as `13.09.2020` and `13/09/2020`.
        item_map: a CSV or TSV with the columns asin and itemID, for a file that numbers its items: ids become
            the catalog's.
        columns: the user's choice.
        reading: how the tables are written, where that is known.
        told: whether it is said which columns are taken, and how the tables are written.

    Returns:
        user_id, item_id: string; timestamp: int64, unix seconds, null where unknown; rating: float64, likewise; split:
        string, null when the file has none.

    Raises:
        InputError: a file is missing, empty, of another format, lacks a column, or names a split or a time that
            is none.
    """
    paths = (path,) if isinstance(path, Path) else tuple(path)
    return pl.concat([_read_copy(one, item_map, columns, reading, told=told) for one in paths])


def _read_copy(
    path: Path, item_map: Path | None, columns: InteractionColumns, reading: Reading, *, told: bool
) -> pl.DataFrame:
    with on_this_machine(path) as copy:
        return _read(copy, item_map, columns, reading, told=told)


def _read(
    path: Path, item_map: Path | None, columns: InteractionColumns, reading: Reading, *, told: bool
) -> pl.DataFrame:
    table, frame = read_frame(path, reading)
    if not frame.columns:
        raise InputError(f"{path} cannot be read: it is empty; expected interactions")
    found = columns.resolve(frame.columns, origin=str(path))
    if told:
        for said in table.told:
            logger.info("%s: %s", path, said)
        unused = [name for name in frame.columns if name not in found.values()]
        taken = ", ".join(f"{CALLED[field]} ← {found.get(field, 'none')}" for field in CALLED)
        logger.info("%s: %s; unused: %s", path.name, taken, ", ".join(unused) or "none")
        if "timestamp" not in found and (times := [name for name in unused if holds_times(frame[name])]):
            logger.warning(
                "%s: no column is read as times, and %s full of them: name one with --time-column %r",
                path.name,
                f"{', '.join(times)} {'are' if len(times) > 1 else 'is'}",
                times[0],
            )
    named = _rename(frame, path, found, partial(place_of, table))
    if item_map is not None:
        named = _map_items(named, item_map, path)
    if not named.height:
        raise InputError(f"{path} holds no interactions; expected at least one row")
    for column in ("user_id", "item_id"):
        missing = named[column].null_count()
        if missing:
            first = place_of(table, named[column].is_null().arg_max() or 0)
            raise InputError(
                f"{path}: {counted(missing, 'row has', 'rows have')} no {column}, the first in {first}; expected one "
                "in every row"
            )
    return named


def _rename(
    frame: pl.DataFrame, path: Path, found: Mapping[str, str], place: Callable[[int], str]
) -> pl.DataFrame:
    columns = [(pl.col(found[field]) if field in found else pl.lit(None)).alias(field) for field in COLUMNS]
    try:
        named = frame.select(columns)
        named = named.with_columns(
            ids(named[column], f"{path}: {column}") for column in ("user_id", "item_id")
        )
        named = named.with_columns(cs.binary().cast(pl.String)).with_columns(_split_names())
        named = named.with_columns(_ratings(named["rating"], path, place))
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{path}: expected ratings to be numbers: {brief(error)}") from error
    named = named.with_columns(unix_seconds(named["timestamp"], path, place))
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


def _ratings(ratings: pl.Series, path: Path, place: Callable[[int], str]) -> pl.Series:
    if ratings.dtype != pl.String:
        return ratings.cast(pl.Float64)
    ratings = trimmed(ratings)
    points = ratings.str.replace(r"^(-?\d*),(\d+)$", "${1}.${2}")  # a decimal comma
    numbers = points.cast(pl.Float64, strict=False)
    strange = numbers.is_null() & ratings.is_not_null()
    if strange.any():
        row = strange.arg_max() or 0
        raise InputError(
            f"{path}, {place(row)}: the rating {ratings[row]!r} is no number; expected ratings to be numbers, "
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
        raise InputError(f"item map {item_map} cannot be read: {brief(error)}") from error
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
