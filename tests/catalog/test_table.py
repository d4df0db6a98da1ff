import csv
import datetime
import gzip
import io
import json
from decimal import Decimal
from types import SimpleNamespace

import datasets
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import HfApi
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from featurizer.catalog.column_names import ColumnNames
from featurizer.catalog.hub_source import HubSource
from featurizer.catalog.images import ImageFetcher
from featurizer.catalog.ingest import ingest
from featurizer.catalog.interactions import InteractionFiles, SplitOptions
from featurizer.catalog.table import TableSource
from featurizer.errors import InputError
from featurizer.interactions.read import read_interactions
from featurizer.tables.reading import Reading
from featurizer.values import as_text

ROWS = [
    {"id": "a", "title": "Cup, large", "label": "x"},
    {"id": "b", "title": 'A "mug"\nof two lines', "label": ""},
    {"id": "c", "title": "Tasse à café", "label": "z"},
]


def write(path, rows=ROWS):
    name = path.name
    opener = gzip.open if name.endswith(".gz") else open
    if ".parquet" in name:
        pq.write_table(pa.Table.from_pylist(rows), path)
        return path
    with opener(path, "wt", encoding="utf-8", newline="") as file:
        if ".jsonl" in name:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        else:
            writer = csv.DictWriter(file, rows[0], delimiter="\t" if ".tsv" in name else ",")
            writer.writeheader()
            writer.writerows(rows)
    return path


def source(path, **options):
    return TableSource(path, ColumnNames(), **options)


@pytest.mark.parametrize(
    "name", ["t.csv", "t.csv.gz", "t.tsv", "t.tsv.gz", "t.jsonl", "t.jsonl.gz", "t.parquet"]
)
def test_every_table_format_gives_the_same_items(tmp_path, name):
    items = list(source(write(tmp_path / name)))
    assert [item.item_id for item in items] == ["a", "b", "c"]
    assert [item.title for item in items] == [row["title"] for row in ROWS]
    assert items[0].extra == {"label": "x"}


def test_the_same_table_can_be_read_twice(tmp_path):
    table = source(write(tmp_path / "t.csv"))
    assert list(table) == list(table)


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes("\ufeffid,title\n1,Cup\n".encode())
    assert next(iter(source(path))).item_id == "1"


def test_numbers_of_a_parquet_file_keep_their_type_and_lists_become_text(tmp_path):
    path = write(tmp_path / "t.parquet", [{"id": "a", "price": 2.5, "sold": 3, "tags": ["x"]}])
    assert source(path).extra == {"price": pa.float64(), "sold": pa.int64(), "tags": pa.string()}


def test_pictures_are_found_by_item_id_in_a_folder(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.jpg").touch()
    (folder / "c.PNG").touch()
    items = list(source(write(tmp_path / "t.csv"), images=folder))
    assert [item.image.path for item in items] == [folder / "a.jpg", None, folder / "c.PNG"]


@pytest.mark.parametrize("name", ["items.csv", "items.jsonl.gz", "items.parquet"])
def test_another_picture_under_the_same_name_makes_another_source(tmp_path, name):
    (tmp_path / "a.png").write_bytes(b"one")
    long = "x" * 5000
    write(tmp_path / name, [{"id": at, "title": "t", "image": at} for at in ("a.png", "b.png", long)])
    before = source(tmp_path / name).identity
    assert source(tmp_path / name).identity == before
    (tmp_path / "b.png").write_bytes(b"new")
    after = source(tmp_path / name).identity
    assert after != before
    (tmp_path / "a.png").write_bytes(b"other")
    assert source(tmp_path / name).identity not in (before, after)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "is empty"),
        ("t.csv", b"title\nCup\n", "--item-id-column"),
        ("t.csv", b"id,id\n1,2\n", "named twice"),
        ("t.csv", b"id,title\n1\n", r"line 2 \(has 1 cells, the header 2\); expected none to be bad"),
        (
            "t.csv",
            b"id,title\n1,\xc3\xa9\xc3\xa9\xff\n",
            r"is not UTF-8: line 2 holds the byte 0xff.*--encoding gb18030.*iconv -f WINDOWS-1252",
        ),
        (
            "t.csv.gz",
            gzip.compress("id,title\n1,a\n2,搪瓷杯子和茶壶\n".encode("gbk"), mtime=0),
            "line 3 holds the byte",
        ),
        ("t.csv.gz", b"not gzip", "cannot be read"),
        ("t.jsonl", b'{"id": 1}\n{"id"\n{"id"\n', r"2 rows cannot be read: line 2 .*--max-bad-rows"),
        ("t.jsonl", b'{"id": 1, "x": ' + b"[" * 50 + b"]" * 50 + b"}", "nested too deeply"),
        ("t.jsonl", b'{"id": 1, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        ("t.jsonl", b"[1]\n", "expected an object"),
        ("t.parquet", b"PAR1", "cannot be read"),
        ("t.xlsx", b"", "cannot be read as a spreadsheet"),
        ("t.bin", b"\x00\x00\x00\x00", "cannot tell the table's format"),
    ],
)
def test_a_broken_table_is_a_clear_error(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        list(source(path))


cells = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20
)


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=5))
def test_any_cells_survive_a_round_trip_through_csv(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [["id", "title", "label"], *([str(i), *row] for i, row in enumerate(rows))]
        )
    items = list(source(path))
    assert [(item.title, item.extra["label"]) for item in items] == [
        (as_text(t), label or None) for t, label in rows
    ]


@pytest.mark.parametrize(
    ("lines", "k_core", "message"),
    [
        ("u,a,train\nu,b,\n", 0, r"1 of 2 rows have no split.*Fill the column"),
        ("u,a,train\nu,b,test\n", 2, r"its own split.*Leave --k-core out"),
        ("u,a,\nu,b,\n", 9, "lower --k-core"),
    ],
)
def test_interactions_that_cannot_be_used_are_refused_before_any_picture(tmp_path, lines, k_core, message):
    (tmp_path / "r.csv").write_text(f"user_id,item_id,split\n{lines}")
    with pytest.raises(InputError, match=message):
        ingest(
            source(write(tmp_path / "t.csv")),
            tmp_path / "c",
            fetcher=None,
            interactions=InteractionFiles((tmp_path / "r.csv",)),
            split=SplitOptions(k_core),
        )
    assert not (tmp_path / "c").exists()


def test_interactions_with_a_split_are_written_as_they_are(tmp_path):
    (tmp_path / "r.csv").write_text("user_id,item_id,split\nu,a,train\nu,b,test\n")
    with ImageFetcher() as fetcher:
        ingest(
            source(write(tmp_path / "t.csv")),
            tmp_path / "c",
            fetcher=fetcher,
            interactions=InteractionFiles((tmp_path / "r.csv",)),
        )
    assert pq.read_table(tmp_path / "c" / "interactions.parquet")["split"].to_pylist() == ["train", "test"]


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("t.jsonl", '{"id": 1}\n\n{"id"\n{"id": NaN}\n', "line 4"),
        ("t.csv", 'id,title\na,"two\nlines"\n\n,Cup\n', "line 5"),
        ("t.parquet", "", "row 2"),
    ],
)
def test_an_empty_id_is_named_with_its_file_and_line(tmp_path, name, content, place):
    path = tmp_path / name
    path.write_text(content) if content else write(path, [{"id": "a"}, {"id": None}, {"id": "c"}])
    with pytest.raises(
        InputError, match=rf"{name}: 1 row has no id \({place}\); expected a unique id in every row"
    ):
        rows(source(path), tmp_path / "c")


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.txt", "t"])
@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_what_separates_cells_is_found_whatever_the_file_is_called_in_interactions_too(tmp_path, name, sign):
    (tmp_path / name).write_text(
        f"user_id{sign}item_id{sign}title\nu{sign}a{sign}Cup, large; red\n".replace(
            "Cup, large; red", '"Cup, large; red"'
        )
    )
    (item,) = TableSource(tmp_path / name, ColumnNames())
    assert (item.item_id, item.title, item.extra) == ("a", "Cup, large; red", {"user_id": "u"})
    assert read_interactions(tmp_path / name).select("user_id", "item_id").rows() == [("u", "a")]


def test_a_delimiter_that_is_named_is_taken_and_a_wrong_one_is_a_clear_error(tmp_path):
    (tmp_path / "t.csv").write_text("id;title\na;Cup\n")
    assert [item.title for item in source(tmp_path / "t.csv", reading=Reading(delimiter="semicolon"))] == [
        "Cup"
    ]
    with pytest.raises(InputError, match=r"it has: id;title\..*--delimiter ';' names what separates cells"):
        list(source(tmp_path / "t.csv", reading=Reading(delimiter="pipe")))
    with pytest.raises(InputError, match="expected one such as ;"):
        Reading(delimiter="::")


def test_a_line_without_an_id_is_an_error_and_half_a_character_is_replaced(tmp_path):
    (tmp_path / "t.jsonl").write_text('{"id": "a", "title": "x\\ud800"}\n{"title": "b"}\n')
    kept = source(tmp_path / "t.jsonl", on_missing_id="skip")
    assert [item.title for item in kept] == ["x\ufffd"]
    with pytest.raises(InputError, match="expected a unique id in every row"):
        rows(source(tmp_path / "t.jsonl"), tmp_path / "c")


@pytest.mark.parametrize("on_missing_id", ["error", "skip", "number"])
def test_an_id_that_cannot_be_used_is_named_with_its_place_whatever_becomes_of_missing_ones(
    tmp_path, on_missing_id
):
    (tmp_path / "t.jsonl").write_text('{"id": "a"}\n{"id": 1e17}\n{}\n{"id": 2e17}\n')
    with pytest.raises(InputError, match=r"2 values cannot be used: line 2 \(id: .*line 4 \(id: "):
        list(source(tmp_path / "t.jsonl", on_missing_id=on_missing_id))


def test_a_hub_data_set_is_read_at_its_commit_and_a_broken_stream_is_a_clear_error(monkeypatch):
    asked = {}

    class Stream:
        features = datasets.Features({"id": datasets.Value("string")})

        def decode(self, enable):
            return self

        def __iter__(self):
            yield {"id": "a"}
            raise ConnectionError("reset by peer")

    def load(*_, **options):
        asked.update(options)
        return Stream()

    monkeypatch.setattr(datasets, "load_dataset", load)
    monkeypatch.setattr(HfApi, "dataset_info", lambda *_, revision: SimpleNamespace(sha=f"sha-of-{revision}"))
    hub = HubSource("org/name", ColumnNames(), revision="main")
    with pytest.raises(InputError, match=r"broke off: reset by peer.*again"):
        list(hub)
    assert asked["revision"] == hub.identity["commit"] == "sha-of-main"


def picture(color):
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), color).save(buffer, "PNG")
    return buffer.getvalue()


def rows(one, out):
    with ImageFetcher() as fetcher:
        made = ingest(one, out, fetcher=fetcher)
    return [row for path in made.parts for row in pq.read_table(path).to_pylist()]


def test_a_hub_data_set_cannot_name_files_outside_its_folder(tmp_path, monkeypatch):
    (tmp_path / "secret.png").write_bytes(picture("red"))
    folder = tmp_path / "hub"
    folder.mkdir()
    (folder / "own.png").write_bytes(picture("blue"))
    asked = ["own.png", "../secret.png", str(tmp_path / "secret.png"), (tmp_path / "secret.png").as_uri()]
    (folder / "train.jsonl").write_text(
        "".join(json.dumps({"id": str(n), "image": name}) + "\n" for n, name in enumerate(asked))
    )
    hub = HubSource(str(folder), ColumnNames())
    assert [row["image_status"] for row in rows(hub, tmp_path / "c")] == ["ok"] + ["forbidden_path"] * 3
    monkeypatch.chdir(folder)
    monkeypatch.setattr(HubSource, "_folder", None)
    assert {record.image.url for record in hub} == {f"forbidden:{name}" for name in asked}


def test_a_table_names_files_below_its_folder_or_that_of_its_pictures(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    outside = tmp_path / "elsewhere" / "outside.png"
    outside.parent.mkdir()
    for path in (outside, folder / "own.png"):
        path.write_bytes(picture("red"))
    (folder / "t.csv").write_text(
        f"id,image\na,../elsewhere/outside.png\nb,{outside}\nc,{outside.as_uri()}\nd,{folder}/own.png\n"
    )
    found = rows(source(folder / "t.csv"), tmp_path / "c")
    assert [row["image_status"] for row in found] == ["forbidden_path"] * 3 + ["ok"]
    assert found[0]["image_url"] == found[1]["image_url"] == "forbidden:outside.png"
    found = rows(source(folder / "t.csv", images=outside.parent), tmp_path / "d")
    assert [row["image_status"] for row in found] == ["ok", "ok", "ok", "forbidden_path"]


LABELS = datasets.Features(
    {
        "id": datasets.Value("int64"),
        "categories": datasets.List(datasets.ClassLabel(names=["mugs", "pots"])),
        "shade": datasets.ClassLabel(names=["red", "blue"]),
    }
)


@pytest.mark.parametrize("hub", [True, False])
def test_class_labels_are_their_names_in_lists_too_and_a_missing_one_is_none(tmp_path, hub):
    given = {"id": [1, 2, 3], "categories": [[1, 0], [], None], "shade": [1, -1, None]}
    folder = tmp_path / "hub"
    folder.mkdir()
    datasets.Dataset.from_dict(given, features=LABELS).to_parquet(folder / "train.parquet")
    one = HubSource(str(folder), ColumnNames()) if hub else source(folder / "train.parquet")
    found = [(item.categories, item.extra["shade"]) for item in one]
    assert found == [(("pots", "mugs"), "blue"), ((), None), ((), None)]
    assert one.extra == {"shade": pa.string()}


def test_a_class_without_a_name_is_a_clear_error(tmp_path):
    schema = pa.schema({"id": pa.string(), "category": pa.int64()})
    told = {"info": {"features": {"category": {"_type": "ClassLabel", "names": ["mugs"]}}}}
    table = pa.Table.from_pylist([{"id": "a", "category": 1}], schema)
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(told)}), tmp_path / "t.parquet")
    with pytest.raises(InputError, match="column category holds the class 1; expected 0 to 0"):
        list(source(tmp_path / "t.parquet"))


def test_typed_columns_become_plain_text_beside_the_item(tmp_path):
    day = datetime.date(2024, 2, 29)
    given = {"id": [b"B1"], "price": [Decimal("1.10")], "day": [day], "blob": [b"text"], "seen": [[day]]}
    pq.write_table(pa.table(given), tmp_path / "t.parquet")
    (row,) = rows(source(tmp_path / "t.parquet"), tmp_path / "c")
    told = {name: row[name] for name in ("item_id", "price", "day", "blob", "seen")}
    assert told == {
        "item_id": "B1", "price": "1.10", "day": "2024-02-29", "blob": "text", "seen": '["2024-02-29"]',
    }  # fmt: skip


def test_ids_of_a_mongo_export_are_what_they_wrap(tmp_path):
    (tmp_path / "t.jsonl").write_text(
        '{"_id": {"$oid": "5f1"}, "title": "Cup", "cost": {"$numberDecimal": "1.10"}}\n'
    )
    (item,) = source(tmp_path / "t.jsonl")
    assert (item.item_id, item.extra) == ("5f1", {"cost": "1.10"})


def test_interactions_that_name_items_otherwise_are_warned_of_with_examples_of_both_sides(tmp_path, caplog):
    pairs = "".join(f"u,sku-{name},train\n" for name in "gfedcb") + "u,a,train\n"
    (tmp_path / "r.csv").write_text("user_id,item_id,split\n" + pairs)
    with ImageFetcher() as fetcher:
        made = ingest(
            source(write(tmp_path / "t.csv")),
            tmp_path / "c",
            fetcher=fetcher,
            interactions=InteractionFiles((tmp_path / "r.csv",)),
        )
    assert "6 of 7 items of the interactions are not in the catalog" in caplog.text
    assert "'sku-b', 'sku-c', 'sku-d', 'sku-e', 'sku-f'; " in caplog.text
    assert "such as 'b', 'c'. Check" in caplog.text
    assert made.manifest.interactions.items_without_catalog_row == 6


def test_half_of_the_items_known_is_nothing_to_warn_of(tmp_path, caplog):
    (tmp_path / "r.csv").write_text("user_id,item_id,split\nu,a,train\nu,z,train\n")
    with ImageFetcher() as fetcher:
        ingest(
            source(write(tmp_path / "t.csv")),
            tmp_path / "c",
            fetcher=fetcher,
            interactions=InteractionFiles((tmp_path / "r.csv",)),
        )
    assert "not in the catalog" not in caplog.text


@pytest.mark.parametrize("kind", ["csv", "parquet", "parquet-of-bytes", "parquet-of-floats"])
def test_the_same_ids_meet_in_items_and_interactions_however_they_are_stored(tmp_path, kind):
    plain = ["100", "200", "300"]
    dressed = {
        "csv": ["100.0", "\ufeff200", " 300 "],
        "parquet": ["b'100'", '"200"'.strip('"'), "300\u200b"],
        "parquet-of-bytes": [b"100", b"200 ", b"300.0"],
        "parquet-of-floats": [100.0, 200.0, 300.0],
    }[kind]
    for name, items, pairs in (("a", plain, dressed), ("b", dressed, plain)):
        folder = tmp_path / name
        folder.mkdir()
        tables = {
            "items": {"id": items},
            "pairs": {"user_id": ["u"] * 3, "item_id": pairs, "split": ["train"] * 3},
        }
        for file, columns in tables.items():
            frame = pl.DataFrame(columns)
            frame.write_csv(folder / f"{file}.csv") if kind == "csv" else frame.write_parquet(
                folder / f"{file}.parquet"
            )
        suffix = kind.partition("-")[0]
        with ImageFetcher() as fetcher:
            made = ingest(
                source(folder / f"items.{suffix}"),
                folder / "c",
                fetcher=fetcher,
                interactions=InteractionFiles((folder / f"pairs.{suffix}",)),
            )
        assert made.column("item_id").to_pylist() == plain
        assert made.manifest.interactions.items_without_catalog_row == 0


def test_lines_that_are_no_json_are_left_out_counted_and_said(tmp_path, caplog):
    (tmp_path / "t.jsonl").write_bytes(
        b'\xef\xbb\xbf{"id": 1}\n{"id"\n{"id": 2, "price": NaN}\n{"id": "caf\xe9"}\n'
    )
    table = source(tmp_path / "t.jsonl")
    assert [item.item_id for item in table] == ["1", "2"]
    assert table.notes == {"malformed_lines": 2}
    assert (
        "t.jsonl: 2 rows cannot be read: line 2 (Expecting ':' delimiter at character 7), line 4"
        in caplog.text
    )
    with pytest.raises(InputError, match="at most 1 to be bad"):
        list(source(tmp_path / "t.jsonl", reading=Reading(max_bad_rows=1)))
