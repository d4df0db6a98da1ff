"""What a location may be: several tables, folders of tables, pictures with their table, saved data sets, a pipe."""

from __future__ import annotations

import io
import json
import logging

import datasets
import polars as pl
import pytest
from PIL import Image

import featurizer as fz
from featurizer.catalog.store import Catalog
from featurizer.errors import InputError, UnknownName
from tests.support.program import run_program


def png(color="red"):
    buffer = io.BytesIO()
    Image.new("RGB", (12, 9), color).save(buffer, "PNG")
    return buffer.getvalue()


def items(catalog, *columns):
    """Return columns by item id."""
    names = ("item_id", *columns)
    rows = zip(*(catalog.column(name).to_pylist() for name in names), strict=True)
    return {item: values[0] if len(values) == 1 else values for item, *values in rows}


def test_several_tables_and_patterns_are_one_catalog_each_read_as_it_is_written(tmp_path):
    (tmp_path / "a.csv").write_text("sku,name,price\n1,Cup,2\n")
    (tmp_path / "b.csv").write_bytes("Name;Nummer\nGroße Tasse;2\n".encode("cp1252"))
    (tmp_path / "c.jsonl").write_text('{"sku": 3, "name": "Pot"}\n')
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "d.csv").write_text("sku,name,shade\n4,Pan,red\n")
    with pytest.raises(InputError, match=r"a\.csv and 1 more: 1 row has no id \(b\.csv, line 2\)"):
        fz.ingest([tmp_path / "a.csv", tmp_path / "b.csv"], out=tmp_path / "c")
    (tmp_path / "b.csv").write_bytes("Name;SKU\nGroße Tasse;2\n".encode("cp1252"))
    pattern = [str(tmp_path / "**" / "*.csv"), str(tmp_path / "c.jsonl")]
    made = fz.ingest(pattern, out=tmp_path / "c")
    assert items(made, "title", "shade") == {
        "1": ["Cup", None], "2": ["Große Tasse", None], "4": ["Pan", "red"], "3": ["Pot", None],
    }  # fmt: skip
    with pytest.raises(InputError, match="nothing is called like"):
        fz.ingest(str(tmp_path / "*.tsv"), out=tmp_path / "d")


def test_a_folder_of_parquet_is_one_table(tmp_path):
    folder = tmp_path / "spark"
    folder.mkdir()
    for part in range(2):
        pl.DataFrame({"id": [f"{part}a", f"{part}b"], "stock": [part, 2]}).write_parquet(
            folder / f"part-0000{part}.snappy.parquet"
        )
    (folder / "_SUCCESS").touch()
    (folder / "_metadata.parquet").write_bytes(b"no table")
    made = fz.ingest(folder, out=tmp_path / "c")
    assert items(made, "stock") == {"0a": 0, "0b": 2, "1a": 1, "1b": 2}


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl"])
def test_an_image_folder_is_read_with_its_table_and_its_file_names_are_ids(tmp_path, name):
    folder = tmp_path / "set"
    for split in ("train", "more/test"):
        (folder / split).mkdir(parents=True)
        (folder / split / "0001.png").write_bytes(png())
        row = {"file_name": "0001.png", "caption": f"A cup of {split}", "kind": "cup"}
        content = (
            json.dumps(row) if name.endswith("l") else "file_name,caption,kind\n" + ",".join(row.values())
        )
        (folder / split / name).write_text(content + "\n")
    with pytest.raises(InputError, match=r"1 row repeats an id .'0001' again in"):
        fz.ingest(folder, out=tmp_path / "c")
    made = fz.ingest(folder, out=tmp_path / "c", item_id_column="caption", title_column="caption")
    assert set(items(made, "image_status").values()) == {"ok"}
    made = fz.ingest(folder / "train", out=tmp_path / "d")
    assert items(made, "title", "image_status", "kind") == {"0001": ["A cup of train", "ok", "cup"]}
    assert made.manifest.mapping == {"item_id": "@file_name", "title": "caption", "image": "file_name"}


@pytest.fixture
def data():
    """A data set with pictures under a name that says nothing, and no column of ids."""
    features = datasets.Features(
        {
            "x": datasets.Image(),
            "views": datasets.List(datasets.Image()),
            "caption": datasets.Value("string"),
            "shade": datasets.ClassLabel(names=["red", "blue"]),
        }
    )
    rows = [
        {
            "x": {"bytes": png(shade), "path": f"{shade}.png"},
            "views": [{"bytes": png(shade), "path": None}],
            "caption": f"{shade} cup",
            "shade": shade,
        }
        for shade in ("red", "blue")
    ]
    return datasets.Dataset.from_list(rows, features=features)


@pytest.mark.parametrize("as_hub", [True, False])
@pytest.mark.parametrize(("ids", "expected"), [("@row", ["1", "2"]), ("@file_name", ["red", "blue"])])
def test_a_data_set_without_ids_is_numbered_or_named_by_its_pictures(tmp_path, data, as_hub, ids, expected):
    if as_hub:
        (tmp_path / "hub").mkdir()
        data.to_parquet(tmp_path / "hub" / "train-00000-of-00001.parquet")
        place = f"hf:{tmp_path / 'hub'}"
    else:
        datasets.DatasetDict({"train": data, "test": data.select([0])}).save_to_disk(tmp_path / "saved")
        place = str(tmp_path / "saved")
    with pytest.raises(InputError, match=r"no column that is an item id.*@row"):
        fz.ingest(place, out=tmp_path / "c")
    made = fz.ingest(place, out=tmp_path / "c", item_id_column=ids)
    assert items(made, "title", "shade", "image_status") == {
        item: [f"{shade} cup", shade, "ok"] for item, shade in zip(expected, ("red", "blue"), strict=True)
    }
    assert made.manifest.mapping == {"item_id": ids, "title": "caption", "image": "x"}
    if not as_hub:
        assert fz.ingest(place, out=tmp_path / "d", item_id_column=ids, hub_split="test").rows == 1
        with pytest.raises(UnknownName, match=r"unknown split .* 'valid'"):
            fz.ingest(place, out=tmp_path / "e", item_id_column=ids, hub_split="valid")


def test_a_list_of_pictures_is_a_picture_whatever_its_name(tmp_path, data):
    data.remove_columns("x").to_parquet(tmp_path / "t.parquet")
    made = fz.ingest(tmp_path / "t.parquet", out=tmp_path / "c", item_id_column="@row")
    assert made.manifest.mapping["image"] == "views"
    assert items(made, "image_status") == {"1": "ok", "2": "ok"}


def test_what_comes_from_a_pipe_is_read_by_what_it_is(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    content = "Artikelnummer;Bezeichnung\n1;Große Tasse\n".encode("cp1252")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    code, said, _ = run_program(monkeypatch, capsys, "ingest", "-", "--out", "c")
    assert code == 0
    assert said.startswith("c: 1 item; pictures: 1 none; 1 with text")
    mapping = "id ← Artikelnummer, title ← Bezeichnung, brand ← none"
    assert mapping not in said
    assert mapping in run_program(monkeypatch, capsys, "inspect", "c")[1]
    made = Catalog.open("c")
    assert items(made, "title") == {"1": "Große Tasse"}
    assert made.manifest.source.name == "standard input"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("id,title\n1,Cup\n2\n", "error: standard input: 1 row cannot be read: line 3"),
        ("a b,title\nx y,Cup\n", "error: standard input has no column that is an item id"),
        ("", "error: standard input is empty"),
    ],
)
def test_what_is_wrong_with_what_comes_from_a_pipe_names_no_file(
    tmp_path, monkeypatch, capsys, content, fault
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    code, _, said = run_program(monkeypatch, capsys, "ingest", "-", "--out", "c")
    assert code == 1
    assert fault in said
    assert "featurizer-" not in said


def test_what_is_wrong_with_a_table_in_memory_names_no_file(tmp_path):
    with pytest.raises(InputError, match=r"^the table: 1 row has no id"):
        fz.ingest(pl.DataFrame({"id": ["a", None], "title": ["Cup", "Pot"]}), out=tmp_path / "c")


FAULTY = "id,title,price\na,Cup,1\n,Pot,2\nb,Pan\na,Mug,3\n,Lid,4\na,Jug,5\n" + "".join(
    f"c{n},x,1\n" for n in range(20)
)


def test_all_faults_are_told_at_once_with_their_places(tmp_path):
    (tmp_path / "t.csv").write_text(FAULTY)
    with pytest.raises(InputError) as told:
        fz.ingest(tmp_path / "t.csv", out=tmp_path / "c")
    for fault in (
        "1 row cannot be read: line 4 (has 2 cells, the header 3)",
        "2 rows have no id (line 3, line 6)",
        "2 rows repeat an id ('a' again in line 5, 'a' again in line 7)",
    ):
        assert fault in str(told.value)
    assert str(told.value).count("t.csv") == 1
    assert not (tmp_path / "c").exists()


def test_only_the_first_five_places_of_a_fault_are_told(tmp_path):
    (tmp_path / "t.csv").write_text("id,title\n" + ",Cup\n" * 7)
    with pytest.raises(InputError, match=r"7 rows have no id \(line 2, line 3, line 4, line 5, line 6, …\)"):
        fz.ingest(tmp_path / "t.csv", out=tmp_path / "c")


@pytest.mark.parametrize(("which", "title"), [("first", "Cup"), ("last", "Jug")])
def test_faults_that_are_allowed_are_passed_over_and_counted(tmp_path, which, title):
    (tmp_path / "t.csv").write_text(FAULTY)
    made = fz.ingest(
        tmp_path / "t.csv", out=tmp_path / "c", on_duplicate=which, on_missing_id="skip", max_bad_rows=1
    )
    found = items(made, "title")
    assert len(found) == 21
    assert found["a"] == title
    assert list(found) == (["a", *found][1:] if which == "first" else list(found))
    assert made.manifest.notes == {"malformed_lines": 1, "repeated_items": 2, "rows_without_id": 2}


def test_rows_without_an_id_may_take_their_number(tmp_path):
    (tmp_path / "t.csv").write_text("id,title\na,Cup\n,Pot\nnan,Pan\n")
    made = fz.ingest(tmp_path / "t.csv", out=tmp_path / "c", on_missing_id="number")
    assert items(made, "title") == {"a": "Cup", "row-2": "Pot", "row-3": "Pan"}


def test_a_column_full_of_addresses_is_offered_where_none_is_a_picture(tmp_path, caplog):
    caplog.set_level(logging.INFO, "featurizer")
    lines = [f"{n},Cup,http://127.0.0.1:9/{n}.jpg,http://x.org/{n}\n" for n in range(5)]
    (tmp_path / "t.csv").write_text("id,title,Bild A,Seite\n" + "".join(lines))
    fz.ingest(tmp_path / "t.csv", out=tmp_path / "c")
    assert "Bild A, Seite are full of addresses: name one with --image-column 'Bild A'" in caplog.text
    assert (
        "id ← id, title ← title, brand ← none, categories ← none, description ← none, picture ← none; "
        in caplog.text
    )
    assert "unused: Bild A, Seite" in caplog.text


def test_own_columns_enter_the_text_where_the_template_names_them_and_nowhere_else(tmp_path):
    (tmp_path / "t.csv").write_text("id,title,colour,stock\na,Cup,red,3\nb,Pot,,4\n")
    made = fz.ingest(tmp_path / "t.csv", out=tmp_path / "c", text_template="{title} {colour}")
    assert items(made, "text", "colour") == {"a": ["Cup red", "red"], "b": ["Pot", None]}
    assert made.manifest.text_recipe["template"] == "{title} {colour}"
    assert items(fz.ingest(tmp_path / "t.csv", out=tmp_path / "d"), "text") == {"a": "Cup", "b": "Pot"}
    with pytest.raises(
        UnknownName, match=r"unknown field or column in the text template 'color': did you mean colour"
    ):
        fz.ingest(tmp_path / "t.csv", out=tmp_path / "e", text_template="{color}")


def test_interactions_are_read_from_several_tables_of_any_kind_with_columns_that_are_named(tmp_path, caplog):
    caplog.set_level(logging.INFO, "featurizer")
    (tmp_path / "t.csv").write_text("id\na\nb\nc\n")
    (tmp_path / "old.csv").write_text(
        "Kundennummer;Artikel-Nr;Bestelldatum;Menge\n7;a;2020-09-13;1,5\n8;b;2020-09-14;2\n"
    )
    (tmp_path / "new.jsonl").write_text('{"who": "7", "sku": "c", "when": 1600000000}\n')
    made = fz.ingest(
        tmp_path / "t.csv", interactions=[tmp_path / "old.csv"], split="leave-one-out", out=tmp_path / "c"
    )
    pairs = pl.read_parquet(made.folder / "interactions.parquet").sort("user_id")
    assert pairs.select("user_id", "item_id", "timestamp", "rating").rows() == [
        ("7", "a", 1599955200, 1.5), ("8", "b", 1600041600, 2.0),
    ]  # fmt: skip
    assert (
        "old.csv: user ← Kundennummer, item ← Artikel-Nr, time ← Bestelldatum, rating ← Menge, split ← none"
        in caplog.text
    )
    (tmp_path / "old.csv").write_text("who;what;at;sku\n7;a;2020-09-13;a\n")
    several = [tmp_path / "old.csv", tmp_path / "new.jsonl"]
    made = fz.ingest(tmp_path / "t.csv", interactions=several, user_column="who", out=tmp_path / "d")
    assert sorted(pl.read_parquet(made.folder / "interactions.parquet")["item_id"]) == ["a", "c"]
    with pytest.raises(UnknownName, match="whom"):
        fz.ingest(tmp_path / "t.csv", interactions=several, user_column="whom", out=tmp_path / "e")
    with pytest.raises(InputError, match="--user-column names a column of interactions, and none are given"):
        fz.ingest(tmp_path / "t.csv", user_column="who", out=tmp_path / "f")
