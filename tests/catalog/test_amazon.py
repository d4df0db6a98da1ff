import gzip
import json
from contextlib import suppress
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurizer import registry
from featurizer.catalog import amazon, review_lines
from featurizer.catalog.amazon_2014 import source as amazon_2014
from featurizer.catalog.amazon_2018 import source as amazon_2018
from featurizer.catalog.amazon_2023 import source as amazon_2023
from featurizer.catalog.interactions import collect
from featurizer.catalog.lines import LineSource
from featurizer.catalog.text import TextRecipe
from featurizer.errors import InputError
from featurizer.values import NOTHING

META_2014 = {
    "asin": "097293751X",
    "title": "Planetwise Sippy&#x92;s Cup",
    "price": 9.99,
    "imUrl": "http://ecx.images-amazon.com/images/I/41Bb6wf%2BqUL._SX300_.jpg",
    "related": {"also_bought": ["B00000"]},
    "salesRank": {"Baby": 7},
    "brand": "Acme&reg;",
    "categories": [["Baby", "Feeding"], ["Baby", "Gifts"]],
    "description": "It's a <b>cup</b>, not a banana",
}
META_2018 = {
    "asin": "B000052YQV",
    "title": "Lip Balm",
    "brand": "",
    "description": ["Soft &amp; smooth.", "", "<p>Two parts</p>"],
    "category": ["Beauty", "Lips"],
    "feature": ["SPF 15"],
    "imageURL": ["https://m/1._SS40_.jpg"],
    "imageURLHighRes": ["https://m/1.jpg"],
    "rank": "2,938,573 in Beauty",
}
META_2023 = {
    "main_category": "All Beauty",
    "title": "Hair Clip",
    "average_rating": 4.8,
    "features": [],
    "description": ["One.", "Two."],
    "price": "None",
    "images": [
        {
            "thumb": "https://m/s.jpg",
            "large": "https://m/l.jpg",
            "variant": "PT01",
            "hi_res": "https://m/side.jpg",
        },
        {"thumb": "https://m/t.jpg", "large": "https://m/large.jpg", "variant": "MAIN", "hi_res": None},
    ],
    "store": "Clip Shop",
    "categories": [],
    "details": {"Brand": "Howard"},
    "parent_asin": "B01CUPMQZE",
}


def test_a_2014_line_is_a_python_literal():
    record = amazon_2014.item(repr(META_2014))
    assert record.item_id == "097293751X"
    assert record.categories == ("Baby", "Feeding", "Gifts")
    assert record.image.url == META_2014["imUrl"]
    assert set(record.extra) == {"price", "related", "salesRank"}
    assert (
        TextRecipe().render(record)
        == "Planetwise Sippy’s Cup Acme® Baby Feeding Gifts It's a cup, not a banana"
    )


def test_a_2014_line_is_parsed_and_never_run(tmp_path):
    with pytest.raises(ValueError, match=r"malformed|literal"):
        amazon_2014.item(f"__import__('pathlib').Path('{tmp_path}/owned').touch()")
    assert not (tmp_path / "owned").exists()


def test_a_2018_line_prefers_the_large_picture_and_joins_the_description():
    record = amazon_2018.item(json.dumps(META_2018))
    assert [image.url for image in record.images] == ["https://m/1.jpg"]
    assert record.brand is None
    assert TextRecipe().render(record) == "Lip Balm Beauty Lips Soft & smooth. Two parts"
    assert set(record.extra) == {"feature", "rank"}
    assert (
        amazon_2018.item(json.dumps({**META_2018, "imageURLHighRes": []})).image.url
        == "https://m/1._SS40_.jpg"
    )


def test_a_2018_line_names_all_its_pictures_in_one_size():
    urls = {"imageURLHighRes": ["https://m/1.jpg", "https://m/2.jpg"], "imageURL": ["https://m/1._SS40_.jpg"]}
    record = amazon_2018.item(json.dumps({**META_2018, **urls}))
    assert [image.url for image in record.images] == ["https://m/1.jpg", "https://m/2.jpg"]


def test_a_2018_title_that_is_the_pages_script_is_no_title():
    title = "var aPageStart = (new Date()).getTime();"
    assert amazon_2018.item(json.dumps({**META_2018, "title": title})).title is None


def test_a_2023_line_takes_the_main_picture_in_its_largest_size():
    record = amazon_2023.item(json.dumps(META_2023))
    assert record.item_id == "B01CUPMQZE"
    assert [image.url for image in record.images] == ["https://m/large.jpg", "https://m/side.jpg"]
    assert record.brand == "Howard"
    assert record.categories == ("All Beauty",)
    assert record.description == "One. Two."


def test_the_hubs_copy_of_2023_gives_the_same_item():
    images = META_2023["images"]
    columns = {key: [image[key] for image in images] for key in images[0]}
    copy = {**META_2023, "images": columns, "details": json.dumps(META_2023["details"])}
    one, other = amazon_2023.item(json.dumps(META_2023)), amazon_2023.item(json.dumps(copy))
    assert (one.image, one.brand, one.title) == (other.image, other.brand, other.title)


@pytest.mark.parametrize("details", ["", None, {}, "{}"])
def test_a_2023_item_without_a_brand_has_its_store(details):
    assert amazon_2023.item(json.dumps({**META_2023, "details": details})).brand == "Clip Shop"


@pytest.mark.parametrize("images", [[], None, {}, {"large": []}, [{"large": None}]])
def test_a_2023_item_without_pictures_has_none(images):
    assert amazon_2023.item(json.dumps({**META_2023, "images": images})).image.url is None


@pytest.mark.parametrize("source", [amazon_2014, amazon_2018, amazon_2023])
@pytest.mark.parametrize("line", ["", "{", "[]", "{}", "{'asin': None, 'parent_asin': 'nan'}", "\x00"])
def test_a_malformed_line_is_a_value_error(source, line):
    with pytest.raises(ValueError):
        source.item(line)


@pytest.mark.parametrize("source", [amazon_2014, amazon_2018, amazon_2023])
@settings(deadline=None)
@given(line=st.text(max_size=80))
def test_no_line_raises_anything_else(source, line):
    with suppress(ValueError):
        source.item(line)


_cells = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
_names = st.sampled_from(
    [
        "asin",
        "parent_asin",
        "title",
        "brand",
        "store",
        "description",
        "categories",
        "images",
        "imageURL",
        "details",
    ]
)


@pytest.mark.parametrize("source", [amazon_2014, amazon_2018, amazon_2023])
@settings(deadline=None)
@given(row=st.dictionaries(_names, _cells))
def test_an_item_with_any_cells_can_be_stored_or_is_a_value_error(source, row):
    with suppress(ValueError):
        record = source.item(repr(row) if source is amazon_2014 else json.dumps(row))
        fields = [record.item_id, record.title, record.brand, record.description, record.image.url]
        texts = [text for text in (*fields, *record.categories) if text is not None]
        pa.array(texts, pa.string())
        assert all(text.strip() == text != "" for text in texts)
        assert NOTHING.isdisjoint(texts)
        assert json.dumps(record.extra, ensure_ascii=False).encode()
        assert not record.extra.keys() & {"title", "description"}


@pytest.mark.parametrize(
    "line", ["{[]: 1}", "{1: 2}", "{'asin': 'B1', 'x': {1, 2}}", "{'asin': 'B1', 'x': b'y'}", "(" * 2000]
)
def test_a_2014_line_that_no_json_can_hold_is_a_value_error(line):
    with pytest.raises(ValueError, match=r"literal|expected"):
        amazon_2014.item(line)


@pytest.mark.parametrize("source", [amazon_2018, amazon_2023])
def test_json_nested_without_end_is_a_value_error(source):
    with pytest.raises(ValueError, match="too deeply"):
        source.item("[" * 100_000)


@pytest.mark.parametrize("details", ["None", "{broken", "[" * 100_000, "[1]", 5])
def test_details_that_are_none_cost_an_item_nothing_but_its_brand(details):
    record = amazon_2023.item(json.dumps({**META_2023, "details": details}))
    assert (record.title, record.brand) == ("Hair Clip", "Clip Shop")
    assert record.extra["details"] == details


def test_an_emoji_escaped_in_halves_is_made_whole_and_half_of_one_is_replaced():
    line = r"{'asin': 'B1', 'title': '\ud83d\ude00 cup', 'brand': 'cut \ud83d', 'x': ['\ud83d']}"
    record = amazon_2014.item(line)
    assert (record.title, record.brand) == ("😀 cup", "cut �")
    assert record.extra == {"x": ["�"]}
    record = amazon_2018.item(line.replace("'", '"'))
    assert (record.title, record.brand) == ("😀 cup", "cut �")
    assert record.extra == {"x": ["�"]}


def test_a_number_that_is_none_is_an_empty_cell():
    assert amazon_2018.item('{"asin": "B1", "title": NaN, "price": NaN}').extra == {"price": None}


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("nan", None),
        ("None", None),
        (float("nan"), None),
        ("banana", "banana"),
        ("Nancy", "Nancy"),
        (None, None),
        (["a", "nan", "b"], "a b"),
        (5, "5"),
        ("NaN bread", "NaN bread"),
        ("NaT", None),
        ("<NA>", None),
        ("Nan", "Nan"),
        ("NONE", "NONE"),
    ],
)
def test_what_stands_for_nothing_is_no_text_and_words_that_contain_it_are(cell, text):
    assert amazon.text(cell) == text


@pytest.mark.parametrize(
    ("source", "name", "content", "rows"),
    [
        (
            amazon_2014,
            "ratings_Baby.csv",
            "A1,097293751X,5.0,1365811200\n",
            [("A1", "097293751X", 1365811200, 5.0)],
        ),
        (
            amazon_2014,
            "reviews_Baby_5.json",
            '{"reviewerID": "A1", "asin": "B1", "overall": 4.0, "unixReviewTime": 7, '
            '"reviewText": "a\\nb", "helpful": [0, 1]}\n',
            [("A1", "B1", 7, 4.0)],
        ),
        (
            amazon_2018,
            "All_Beauty_5.json",
            '{"overall": 5.0, "verified": true, "reviewerID": "A1", "asin": "B1", '
            '"style": {"Size:": " 1"}, "unixReviewTime": 7.0}\n',
            [("A1", "B1", 7, 5.0)],
        ),
        (amazon_2018, "All_Beauty.csv", "B1,A1,5.0,7\n", [("A1", "B1", 7, 5.0)]),
        (
            amazon_2023,
            "All_Beauty.jsonl",
            '{"rating": 5.0, "asin": "CHILD", "parent_asin": "B1", "user_id": "A1", '
            '"timestamp": 1588687728923}\n',
            [("A1", "B1", 1588687728, 5.0)],
        ),
        (
            amazon_2023,
            "All_Beauty.csv",
            "user_id,parent_asin,rating,timestamp\nA1,B1,5.0,1588687728923\n",
            [("A1", "B1", 1588687728, 5.0)],
        ),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_reviews_and_ratings_become_interactions(tmp_path, source, name, content, rows, zipped):
    path = tmp_path / (f"{name}.gz" if zipped else name)
    path.write_bytes(gzip.compress(content.encode()) if zipped else content.encode())
    assert source.interactions(path).drop("line").collect().rows() == rows


def test_a_ratings_file_without_its_columns_is_a_clear_error(tmp_path):
    (tmp_path / "All_Beauty.csv").write_text("user,item\n1,2\n")
    with pytest.raises(InputError, match="parent_asin"):
        amazon_2023.interactions(tmp_path / "All_Beauty.csv")


def test_newlines_inside_the_fields_of_a_ratings_file_stay_inside(tmp_path):
    path = tmp_path / "All_Beauty.csv"
    path.write_text('user_id,parent_asin,rating,timestamp,history\nA1,B1,5.0,1588687728923,"B2\nB3"\n')
    assert amazon_2023.interactions(path).drop("line").collect().rows() == [("A1", "B1", 1588687728, 5.0)]


def test_a_benchmark_file_cut_short_is_a_clear_error(tmp_path):
    path = tmp_path / "All_Beauty.csv.gz"
    path.write_bytes(gzip.compress(b"user_id,parent_asin,rating,timestamp\n")[:-12])
    with pytest.raises(InputError, match="Download it again"):
        amazon_2023.interactions(path)


def test_the_formats_are_plug_ins():
    assert registry.names(registry.SOURCES) == [
        "amazon-2014",
        "amazon-2018",
        "amazon-2023",
        "amazon-berkeley-objects",
    ]
    assert registry.load(registry.SOURCES, "amazon-2023") is amazon_2023


def metadata(tmp_path, lines):
    path = tmp_path / "meta.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


def line(item, **more):
    return json.dumps({"parent_asin": item, "title": item.upper(), **more})


def test_a_metadata_file_keeps_its_order_counts_its_faults_and_ends_with_items_it_does_not_know(tmp_path):
    path = metadata(
        tmp_path, [line("b", price=1), "{broken", line("a"), line("b", title="again"), line("z"), line("c")]
    )
    source = LineSource(path, amazon_2023, frozenset("abcd"))
    assert [(item.item_id, item.title) for item in source] == [
        ("b", "B"),
        ("a", "A"),
        ("c", "C"),
        ("d", None),
    ]
    assert source.notes == {"malformed_lines": 1, "repeated_items": 1, "without_metadata": 1}
    assert list(source.extra) == ["price", "other_fields"]


def test_a_metadata_file_without_any_item_and_one_cut_short_are_clear_errors(tmp_path):
    with pytest.raises(InputError, match="no item that can be read"):
        list(LineSource(metadata(tmp_path, ["{", "["]), amazon_2023))
    path = metadata(tmp_path, [line(str(n)) for n in range(500)])
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match="download it again"):
        list(LineSource(path, amazon_2023))


def test_real_addresses_of_2014_make_catalog_items(shared_data):
    from featurizer.catalog.column_names import ColumnNames
    from featurizer.catalog.table import TableSource

    items = list(TableSource(shared_data / "amazon-baby" / "item_urls.csv", ColumnNames(item_id="asin")))
    assert len(items) == 7050
    assert len({item.item_id for item in items}) == 7050
    assert all(len(item.item_id) == 10 for item in items)
    with_url = [item for item in items if item.image.url]
    assert len(with_url) > 7000
    assert all(item.image.url.startswith("http") for item in with_url)


GOOD = [f'{{"reviewerID": "u{n}", "asin": "B{n}", "overall": 5.0, "unixReviewTime": {n}}}' for n in range(9)]


def reviews(tmp_path, lines, name="r.json"):
    content = b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return tmp_path / name


def pairs_of(path, **options):
    found = collect(amazon_2018.interactions(path), path, **options)
    return found.select("user_id", "item_id", "timestamp", "rating").rows()


@pytest.mark.parametrize("name", ["r.json", "r.json.gz"])
@pytest.mark.parametrize(
    "broken",
    [
        '{"reviewerID": "v", "asin": "B",',
        "[1]",
        '{"asin": "B", "overall": 5.0, "unixReviewTime": 1}',
        '{"reviewerID": "v", "asin": "B", "overall": "good", "unixReviewTime": 1}',
        '{"reviewerID": "v", "asin": "B", "overall": 5.0, "unixReviewTime": "soon"}',
        b'{"reviewerID": "v\xe9", "asin": "B", "overall": 5.0, "unixReviewTime": 1}',
    ],
)
def test_a_review_that_is_broken_costs_itself_and_its_line_is_said(tmp_path, caplog, broken, name):
    path = reviews(tmp_path, [*GOOD[:4], broken, "", broken, *GOOD[4:]], name)
    assert pairs_of(path) == [(f"u{n}", f"B{n}", n, 5.0) for n in range(9)]
    assert f"{name}: 2 rows cannot be read: line 5, line 7; they are left out" in caplog.text
    with pytest.raises(InputError, match=r"2 rows cannot be read.*at most 1 to be bad.*--max-bad-rows"):
        pairs_of(path, max_bad_rows=1)
    assert len(pairs_of(path, max_bad_rows=2)) == 9


@pytest.mark.parametrize(
    ("line", "rating"),
    [
        ('{"reviewerID": "v", "asin": "B", "overall": NaN, "unixReviewTime": 3}', None),
        ('{"reviewerID": "v", "asin": "B", "overall": "4.0", "unixReviewTime": "3"}', 4.0),
        ('{"reviewerID": "v", "asin": "B", "unixReviewTime": 3}', None),
        (b'\xef\xbb\xbf{"reviewerID": "v", "asin": "B", "overall": 4, "unixReviewTime": 3}', 4.0),
        (
            b'{"reviewerID": "v", "asin": "B", "overall": 4, "unixReviewTime": 3, "reviewText": "caf\xe9"}',
            4.0,
        ),
    ],
)
def test_a_review_whose_user_item_and_numbers_are_clear_is_read(tmp_path, caplog, line, rating):
    assert pairs_of(reviews(tmp_path, [line, *GOOD])) == [
        ("v", "B", 3, rating),
        *pairs_of(reviews(tmp_path, GOOD)),
    ]
    assert not caplog.text


@given(st.lists(st.sampled_from([*GOOD, "", "{", "[2]"]), min_size=1, max_size=12), st.integers(1, 200))
def test_reviews_are_the_same_in_blocks_of_any_size(tmp_path_factory, lines, size):
    path = reviews(tmp_path_factory.mktemp("blocks"), lines)
    keys = ("reviewerID", "asin", "overall", "unixReviewTime")
    whole = review_lines.read_reviews(path, *keys)
    kept = [(at, line) for at, line in enumerate(lines, start=1) if line]
    assert whole["line"].to_list() == [at for at, _ in kept]
    assert whole["reviewerID"].to_list() == [
        json.loads(line)["reviewerID"] if line in GOOD else None for _, line in kept
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(review_lines, "BLOCK", size)
        assert review_lines.read_reviews(path, *keys).equals(whole)


def test_more_bad_rows_than_good_ones_are_an_error_that_asks_for_the_format(tmp_path):
    with pytest.raises(InputError, match=r"5 rows cannot be read: line 3, .*at most half of them"):
        pairs_of(reviews(tmp_path, [*GOOD[:2], *["x"] * 5]))


@pytest.mark.parametrize(
    "bad", ["B9,A9,good,7", "B9,A9,5.0,7,8", "B9", ",A9,5.0,7", b"B9,A\xe9,5.0,7", 'B9,A9,"5.0,x']
)
def test_a_row_of_ratings_that_is_broken_costs_itself(tmp_path, caplog, bad):
    path = reviews(tmp_path, ["B1,A1,5.0,7", bad, "B2,A2,NaN,7", '"B3","A3","5.0","7"', "B4,A4,5,7"], "r.csv")
    assert pairs_of(path) == [
        ("A1", "B1", 7, 5.0), ("A2", "B2", 7, None), ("A3", "B3", 7, 5.0), ("A4", "B4", 7, 5.0),
    ]  # fmt: skip
    assert "r.csv: 1 row cannot be read: line 2; it is left out" in caplog.text


def test_metadata_lines_that_cannot_be_read_are_counted_and_the_first_five_said(tmp_path, caplog):
    lines = [line("a"), "{", line("b"), "", "[1]", *["{"] * 4, *map(line, "cdefg")]
    source = LineSource(reviews(tmp_path, ["\ufeff" + lines[0], *lines[1:]]), amazon_2023)
    assert [item.item_id for item in source] == list("abcdefg")
    assert source.notes["malformed_lines"] == 6
    assert "6 rows cannot be read: line 2 (" in caplog.text
    assert "line 5 (a JSON list, expected an object), line 6" in caplog.text
    assert ", …; they are left out" in caplog.text
    assert "line 9" not in caplog.text
    with pytest.raises(InputError, match=r"4 rows cannot be read.*at most 3 to be bad"):
        list(replace(source, max_bad_rows=3))


def test_a_metadata_line_with_a_byte_that_is_no_utf8_costs_itself(tmp_path, caplog):
    path = reviews(tmp_path, [line("a"), line("caf").encode().replace(b"caf", b"caf\xe9"), line("b")])
    assert [item.item_id for item in LineSource(path, amazon_2023)] == ["a", "b"]
    assert "1 row cannot be read: line 2 (" in caplog.text
