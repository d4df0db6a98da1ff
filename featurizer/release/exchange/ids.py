"""Ids beside the vectors: `item_ids.json`, MMRec's mapping, what users have, and who bought what by id."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from featurizer.errors import InputError
from featurizer.results.files import atomic_path
from featurizer.text_files import read_text

IDS = "item_ids.json"
MAPPING = "i_id_mapping.csv"
USERS = "u_id_mapping.csv"
ID_COLUMNS = ("item_id", "asin", "parent_asin")
NUMBER_COLUMN = "itemid"
IMPLICIT = 1.0
"""The rating of an interaction that has none."""


def write_ids(path: Path, ids: Sequence[str]) -> None:
    """Write ids as a JSON list, in row order."""
    with atomic_path(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        file.write("[")
        for row, item in enumerate(ids):
            file.write((", " if row else "") + json.dumps(item, ensure_ascii=False))
        file.write("]\n")


def write_mapping(path: Path, ids: Sequence[str], header: tuple[str, str]) -> None:
    """Write ids and their numbers as MMRec does: tab-separated, a header, numbered from 0."""
    with atomic_path(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(header)
        writer.writerows((text, number) for number, text in enumerate(ids))


def write_triples(interactions: pl.DataFrame, path: Path) -> None:
    """Write tab-separated user, item, rating and, where every row has one, the time, as Cornac and Elliot read them."""
    columns = [pl.col("user_id"), pl.col("item_id"), pl.col("rating").fill_null(IMPLICIT)]
    if interactions.height and not interactions["timestamp"].null_count():
        columns.append(pl.col("timestamp"))
    with atomic_path(path) as partial:
        interactions.select(columns).write_csv(
            partial, separator="\t", include_header=False, quote_style="never"
        )


def read_ids(path: Path) -> list[str]:
    """Read ids in row order from whatever lists them, as they stand there.

    Args:
        path: `.json` (a list), `.npy` (texts or whole numbers), `.csv` or `.tsv` (a column item_id or asin; ordered
            by itemID where there is one), or anything else: one id a line.

    Raises:
        InputError: missing, unreadable, or no such column.
    """
    try:
        if path.suffix == ".json":
            return _listed(json.loads(read_text(path)), path)
        if path.suffix == ".npy":
            return [str(value) for value in np.load(path, allow_pickle=False).reshape(-1).tolist()]
        if path.suffix in (".csv", ".tsv"):
            return _column(path)
        return read_text(path).splitlines()
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"the ids in {path} cannot be read: {error}") from error


def _listed(value: object, path: Path) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise InputError(f"{path} holds something else than a list of ids; expected a JSON list of texts")
    return value


def _column(path: Path) -> list[str]:
    text = read_text(path)
    head = text.partition("\n")[0]
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter="\t" if "\t" in head else ","))
    names = [name.split(":")[0].casefold() for name in rows[0]] if rows else []
    column = next((names.index(name) for name in ID_COLUMNS if name in names), None)
    if column is None:
        raise InputError(f"{path} has the columns {', '.join(names) or 'none'}; expected item_id or asin")
    body = [row for row in rows[1:] if row]
    short = sum(len(row) < len(names) for row in body)
    if short:
        raise InputError(
            f"{path}: {short} lines have fewer than {len(names)} columns; expected as many in each"
        )
    if NUMBER_COLUMN not in names:
        return [row[column] for row in body]
    number = names.index(NUMBER_COLUMN)
    by_number = {int(row[number]): row[column] for row in body}
    if sorted(by_number) != list(range(len(body))):
        raise InputError(
            f"{path} numbers its {len(body)} items {min(by_number, default=0)} to {max(by_number, default=0)} with "
            "gaps or twice; expected each number from 0 once"
        )
    return [by_number[row] for row in range(len(body))]
