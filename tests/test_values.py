"""Values of anybody's table as JSON, text and ids."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from uuid import UUID

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurizer.catalog.categories import as_categories
from featurizer.catalog.column_names import ColumnNames
from featurizer.catalog.table import TableSource
from featurizer.errors import InputError
from featurizer.interactions.read import ids, read_interactions
from featurizer.release.exchange.ids import read_ids
from featurizer.values import LONGEST_LITERAL, as_id, as_ids, as_text, plain, python_literal


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (Decimal("1.10"), "1.10"),
        (Decimal("1E+3"), "1000"),
        (datetime.date(2024, 2, 29), "2024-02-29"),
        (datetime.datetime(2024, 2, 29, 1, 2, 3), "2024-02-29 01:02:03"),
        (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (b"caf\xc3\xa9", "café"),
        (b"\xff\x00", "/wA="),
        (b"", ""),
        (float("nan"), None),
        (pd.NaT, None),
        (pd.NA, None),
        ([1.5, pd.NA, float("-inf")], [1.5, None, None]),
        ({"a": float("inf"), "b": [np.float32("inf")]}, {"a": None, "b": [None]}),
        (np.int64(3), 3),
        (np.array([1.5, np.nan]), [1.5, None]),
        ({"$oid": "5f"}, "5f"),
        ({"$date": {"$numberLong": "5"}}, "5"),
        ({"a": Decimal("1.0"), 2: [b"x"]}, {"a": "1.0", "2": ["x"]}),
    ],
)
def test_a_value_becomes_what_json_holds(value, found):
    assert plain(value) == found
    assert json.loads(json.dumps(plain(value))) == found


def test_a_value_that_no_table_holds_is_an_error():
    with pytest.raises(InputError, match="a value is a object; expected text"):
        plain(object())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ("  ", None),
        (float("nan"), None),
        (7.0, "7"),
        (0, "0"),
        (1.5, "1.5"),
        ("nan", None),
        ("None", None),
        ("<NA>", None),
        ("NAN", "NAN"),
        ("Nan bread", "Nan bread"),
        ([b"Enamel", None, "mug"], "Enamel mug"),
        ({"$oid": "5f"}, "5f"),
        ({"en": "Mug"}, '{"en": "Mug"}'),
        ({"a": float("inf")}, '{"a": null}'),
        (pd.NA, None),
        (["Enamel", pd.NA, "mug"], "Enamel mug"),
        ({}, None),
        ("b'Enamel mug'", "Enamel mug"),
        ('b"caf\\xc3\\xa9"', "café"),
        ("b'\\xff'", "b'\\xff'"),
        ("b'a' or b'b'", "b'a' or b'b'"),
        ("b''", None),
    ],
)
def test_a_cell_becomes_text_or_none(value, text):
    assert as_text(value) == text


@pytest.mark.parametrize(
    "value",
    [
        "100", 100, 100.0, "100.0", "100.00", " 100 ", "\ufeff100", "100\u00a0", b"100", b"100.0", "b'100'",
        'b"100.0"', np.float32(100), np.int8(100), np.str_("100"), Decimal("100"), Decimal("100.0"), {"$oid": "100"},
        np.bytes_(b"100"), "100\x00\x00",
    ],
)  # fmt: skip
def test_an_id_is_the_same_however_it_is_stored(value):
    assert as_id(value) == "100"


@pytest.mark.parametrize(
    "value",
    [
        {"$oid": "507f1f77bcf86cd799439011"},
        "ObjectId(507f1f77bcf86cd799439011)",
        'ObjectId("507f1f77bcf86cd799439011")',
        '{"$oid": "507f1f77bcf86cd799439011"}',
        "{'$oid': '507f1f77bcf86cd799439011'}",
    ],
)
def test_an_id_of_mongodb_is_the_same_in_every_export(value):
    assert as_id(value) == "507f1f77bcf86cd799439011"


@pytest.mark.parametrize(
    "value",
    ["007", "1.50", "1.5", "B001.0", "1e5", "v1.0", "-", "a b", "Ünï", "日本", "NAN", "A²", "ﬁ", "½", "Ａ"],
)
def test_an_id_that_means_what_it_says_stays(value):
    assert as_id(value) == value


@pytest.mark.parametrize("value", [None, "", " ", "nan", "None", float("nan"), "\ufeff", "b''", b"", pd.NA])
def test_an_empty_id_is_none(value):
    assert as_id(value) is None


@pytest.mark.parametrize("value", ["b''" + "+----1" * 10_000 + "+b''", "b''" + "-" * 90_000 + "b''"], ids=len)
def test_bytes_that_break_a_parser_are_the_text_they_are(value):
    assert as_id(value) == as_text(value) == value
    assert as_categories("[" + value) == ("[" + value,)
    assert ids(pl.Series([value, "a"]), "t").to_list() == [value, "a"]


def test_a_literal_longer_than_any_cell_is_text():
    value = "b'" + "a" * LONGEST_LITERAL + "'"
    assert as_text(value) == value
    with pytest.raises(ValueError, match="100,003 characters, expected at most 100,000"):
        python_literal(value)
    assert python_literal(value, longest=None) == b"a" * LONGEST_LITERAL


def test_letters_with_marks_are_one_id_composed_or_not():
    assert as_id("cafe\u0301") == as_id("caf\u00e9") == "caf\u00e9"


def test_a_letter_that_looks_like_another_makes_another_id():
    assert len({as_id(value) for value in ("A²", "A2", "Ａ2", "Α2")}) == 4


def test_a_float_that_has_lost_digits_is_no_id():
    assert as_id(2.0**53 - 1) == "9007199254740991"
    assert as_id(np.float32(2**24 - 1)) == "16777215"
    for value in (
        2.0**53,
        np.float64(1e18),
        np.float32(1e18),
        -(2.0**60),
        np.float32(2**24),
        np.float16(2048),
    ):
        with pytest.raises(InputError, match="has lost its last digits"):
            as_id(value)


@given(st.text())
def test_an_id_is_its_own_id_and_a_column_of_them_agrees(value):
    found = as_id(value)
    assert found is None or as_id(found) == found
    assert ids(pl.Series("item", [value, None, value], pl.String), "t").to_list() == [found, None, found]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1.0, None, 2.0, float("nan")], pl.Float64),
        ([b"1", None, b"2.0 ", b""], pl.Binary),
        (["1", None, "2", "1"], pl.Categorical),
        ([1, None, 2, 1], pl.Int32),
        ([{"$oid": "1"}, None, {"$oid": "2"}, {"$oid": None}], pl.Struct({"$oid": pl.String})),
    ],
)
def test_a_column_of_any_type_becomes_ids_in_its_order(values, kind):
    column = pl.Series("item", values, kind)
    assert ids(column, "t").to_list() == [as_id(value) for value in values]
    assert ids(column, "t").to_list()[:3] == ["1", None, "2"]


@pytest.mark.parametrize(("kind", "first"), [(pa.float32(), 2**24), (pa.float64(), 2**53)])
def test_a_column_of_floats_that_cannot_tell_ids_apart_is_refused(tmp_path, kind, first):
    def written(number):
        column = pa.array(np.array([number, number - 1], kind.to_pandas_dtype()))
        pq.write_table(pa.table({"user_id": ["u", "v"], "item_id": column}), tmp_path / "t.parquet")
        return tmp_path / "t.parquet"

    expected = [str(first - 1), str(first - 2)]
    assert read_interactions(written(first - 1))["item_id"].to_list() == expected
    assert [record.item_id for record in TableSource(written(first - 1), ColumnNames())] == expected
    path, told = (
        written(first),
        f"item_id.* the id {first} is a float of {kind.bit_width} bits, which has lost",
    )
    with pytest.raises(InputError, match=told):
        read_interactions(path)
    with pytest.raises(InputError, match=told):
        list(TableSource(path, ColumnNames()))


def test_a_column_that_holds_no_ids_is_named():
    with pytest.raises(InputError, match=r"r\.parquet: item_id: 2 bytes that begin"):
        ids(pl.Series([b"\xff\xfe"]), "r.parquet: item_id")


def test_a_list_of_ids_with_one_missing_names_its_row():
    assert as_ids(["a ", 1.0], "list") == ["a", "1"]
    with pytest.raises(InputError, match="list: the id of row 1 is missing"):
        as_ids(["a", None], "list")


@pytest.mark.parametrize("name", ["ids.txt", "ids.csv", "ids.json", "ids.npy"])
def test_ids_given_as_a_file_follow_the_same_rule(tmp_path, name):
    path = tmp_path / name
    if name == "ids.npy":
        np.save(path, np.array([100.0, 200.0]))
    else:
        content = {
            "ids.txt": "100.0\n 200",
            "ids.csv": "item_id\n100.0\n 200\n",
            "ids.json": '["100.0", " 200"]',
        }
        path.write_text("\ufeff" + content[name], "utf-8")
    assert as_ids(read_ids(path), str(path)) == ["100", "200"]
