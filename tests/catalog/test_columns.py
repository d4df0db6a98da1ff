from pathlib import Path

import pytest

from featurizer.catalog.categories import as_categories
from featurizer.catalog.column_names import ColumnNames
from featurizer.catalog.columns import as_images, to_record
from featurizer.errors import InputError, UnknownName
from featurizer.records import ImageRef


@pytest.mark.parametrize("name", ["item_id", "id", "asin", "parent_asin", "ASIN"])
def test_the_usual_names_of_an_item_id_are_recognized(name):
    assert ColumnNames().resolve([name, "title"], origin="t")["item_id"] == name


def test_the_usual_names_of_every_field_are_recognized():
    found = ColumnNames().resolve(
        ["asin", "name", "store", "genres", "description", "imUrl", "color"], origin="t"
    )
    assert found == {
        "item_id": "asin",
        "title": "name",
        "brand": "store",
        "categories": "genres",
        "description": "description",
        "image": "imUrl",
    }


def test_a_chosen_column_wins_over_the_usual_name():
    assert (
        ColumnNames(title="headline").resolve(["id", "title", "headline"], origin="t")["title"] == "headline"
    )


def test_a_chosen_column_that_is_missing_is_an_error_with_the_nearest_names():
    with pytest.raises(UnknownName, match=r"headlin.*did you mean headline"):
        ColumnNames(title="headlin").resolve(["id", "headline"], origin="t.csv")


def test_a_table_without_an_id_column_is_an_error_that_names_the_option():
    with pytest.raises(InputError, match=r"--item-id-column"):
        ColumnNames().resolve(["title"], origin="t.csv")


@pytest.mark.parametrize(
    ("value", "categories"),
    [
        (["A", "B"], ("A", "B")),
        ([["A", "B"], ["A", "C"]], ("A", "B", "C")),
        ('["A", "B"]', ("A", "B")),
        ("['A', 'B']", ("A", "B")),
        ("A|B", ("A", "B")),
        ("A > B", ("A", "B")),
        ("Home & Kitchen", ("Home & Kitchen",)),
        (b"A|B", ("A", "B")),
        ([b"A", None, "nan"], ("A",)),
        ({"$oid": "5f"}, ("5f",)),
        (None, ()),
        ("", ()),
        ("None", ()),
        ("[broken", ("[broken",)),
        ("[" * 100_000, ("[" * 100_000,)),
        ("[" * 100_001, ("[" * 100_001,)),
        ("[" * 900 + "]" * 900, ("[" * 900 + "]" * 900,)),
    ],
)
def test_categories_are_read_from_lists_and_from_the_usual_separators(value, categories):
    assert as_categories(value) == categories


@pytest.mark.parametrize(
    ("value", "image"),
    [
        ("http://a/b.jpg", ImageRef(url="http://a/b.jpg")),
        ('["http://a/1.jpg", "http://a/2.jpg"]', ImageRef(url="http://a/1.jpg")),
        ("b.jpg", ImageRef(path=Path("pictures/b.jpg"))),
        ("/b.jpg", ImageRef(url="forbidden:/b.jpg")),
        (str(Path("pictures/b.jpg").resolve()), ImageRef(path=Path("pictures/b.jpg").resolve())),
        ("../b.jpg", ImageRef(url="forbidden:pictures/../b.jpg")),
        ("a/../b.jpg", ImageRef(path=Path("pictures/a/../b.jpg"))),
        ("[b.jpg", ImageRef(path=Path("pictures/[b.jpg"))),
        ("file:/b.jpg", ImageRef(url="forbidden:file:/b.jpg")),
        ({"bytes": None, "path": "../b.jpg"}, ImageRef(url="forbidden:pictures/../b.jpg")),
        ({"bytes": b"x", "path": "b.jpg"}, ImageRef(data=b"x", name="b.jpg")),
        ({"bytes": None, "path": "b.jpg"}, ImageRef(path=Path("pictures/b.jpg"))),
        (
            {"hi_res": None, "large": "http://a/l.jpg", "thumb": "http://a/t.jpg"},
            ImageRef(url="http://a/l.jpg"),
        ),
        (b"b.jpg", ImageRef(path=Path("pictures/b.jpg"))),
        (b"http://a/b.jpg", ImageRef(url="http://a/b.jpg")),
        (b"\x89PNG\r\n", ImageRef(data=b"\x89PNG\r\n")),
        (b"GIF89a\x01\x00", ImageRef(data=b"GIF89a\x01\x00")),
        (b"<svg/>", ImageRef(data=b"<svg/>")),
        (None, ImageRef()),
        ([], ImageRef()),
    ],
)
def test_a_cell_becomes_a_picture_reference(value, image):
    first, *_ = as_images(value, Path("pictures")) or [ImageRef()]
    assert first == image


def test_columns_that_are_no_field_are_kept_beside_the_item():
    row = {"id": 3, "title": "Cup", "color": "red", "price": 2.5}
    record = to_record(row, {"item_id": "id", "title": "title"}, [])
    assert record.item_id == "3"
    assert record.extra == {"color": "red", "price": 2.5}


def test_bytes_that_are_no_text_are_refused_where_text_is_wanted_and_named():
    row = {"id": "a", "title": b"\xff\xfe", "blob": b"\xff\xfe"}
    with pytest.raises(InputError, match=r"column title of the item 'a': 2 bytes .* are no UTF-8 text"):
        to_record(row, {"item_id": "id", "title": "title"}, [])
    assert to_record(row, {"item_id": "id"}, []).extra["blob"] == "//4="
