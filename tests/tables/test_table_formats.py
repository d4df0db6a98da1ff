"""Every kind of table gives the same rows, and what is none, or too much, is one clear sentence."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurizer import unpacked
from featurizer.catalog.column_names import ColumnNames
from featurizer.catalog.table import TableSource
from featurizer.errors import InputError
from featurizer.tables.bad_rows import BadRows
from featurizer.tables.dialect import Dialect, dialect_of
from featurizer.tables.json_tables import JsonTable
from featurizer.tables.matching import folded, match
from featurizer.tables.open import open_table
from featurizer.tables.reading import Reading

ROWS = [{"id": "a", "title": "Cup"}, {"id": "b", "title": "Pot, “large”"}]
CSV = "id,title\na,Cup\nb,\"Pot, “large”\"\n".encode()  # fmt: skip


def rows(path, reading=Reading(), bad=None):  # noqa: B008 - frozen
    bad = BadRows(path) if bad is None else bad
    return [dict(row) for _, row in open_table(path, reading).rows(bad)]


def stream(table):
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as file:
        file.write_table(table)
    return sink.getvalue().to_pybytes()


def parquet(table):
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()


TABLE = pa.Table.from_pylist(ROWS)
FILES = {
    "t.csv": CSV,
    "t.txt": CSV,
    "export": CSV,
    "t.csv.gz": gzip.compress(CSV),
    "t.csv.zst": pa.compress(CSV, "zstd", asbytes=True),
    "packed": gzip.compress(CSV),
    "t.tsv": CSV.replace(b'"', b"").replace(b",", b"\t").replace(b"Pot\t", b"Pot,"),
    "t.json": json.dumps(ROWS).encode(),
    "deep.json": json.dumps({"page": 1, "meta": {"a": [1]}, "items": ROWS, "next": None}, indent=1).encode(),
    "lines.json": "\n".join(map(json.dumps, ROWS)).encode(),
    "t.jsonl": "\n".join(map(json.dumps, ROWS)).encode(),
    "answer": json.dumps({"items": ROWS}).encode(),
    "t.parquet": parquet(TABLE),
    "of bytes": parquet(TABLE),
    "t.arrow": stream(TABLE),
    "t.xml": "<all><product><id>a</id><title>Cup</title></product>"
    "<product><id>b</id><title>Pot, “large”</title></product></all>".encode(),
}


@pytest.mark.parametrize("name", FILES)
def test_every_format_gives_the_same_rows(tmp_path, name):
    (tmp_path / name).write_bytes(FILES[name])
    assert open_table(tmp_path / name).columns[-2:] == ("id", "title")
    assert rows(tmp_path / name) == ROWS


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.json", b'[{"id": 1}, {"id": ', "it ends inside the list|at character"),
        ("t.json", b'[{"id": 1} {"id": 2}]', r"found '\{', expected ',' or '\]' at character 12"),
        ("t.json", b"7", "cannot tell the table's format"),
        ("t.json", b"[" * 100_000, "cannot be read to its end"),
        ("t.xml", b"<rss><item>", "is no XML that can be read"),
        ("t.xml", b"<html><body/></html>", "holds no products"),
        (
            "t.xml",
            b'<!DOCTYPE r [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><rss><item><id>&b;</id></item></rss>',
            "it declares an entity .a.",
        ),
        (
            "t.xml",
            b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><item><id>&x;</id></item></rss>',
            "it declares an entity .x.",
        ),
        ("t.xml", b"<rss><item>" + b"<a>" * 100 + b"</a>" * 100 + b"</item></rss>", "nested deeper than 32"),
        ("t.xlsx", b"PK\x03\x04", "cannot be read as a spreadsheet"),
        ("t.csv", b"id,title\n" + b"a,b\n" * 300 + b'c,"x"y\n', "the record after line 301 is broken"),
        ("t.arrow", b"ARROW", "cannot be read as .arrow"),
    ],
)
def test_what_is_no_such_table_is_one_clear_sentence(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        _ = open_table(tmp_path / name).columns, rows(tmp_path / name)


def test_values_of_a_list_that_are_no_objects_are_bad_rows(tmp_path):
    (tmp_path / "t.json").write_text('[{"id": 1}, 7, {"id": 2}]')
    bad = BadRows(tmp_path / "t.json")
    assert rows(tmp_path / "t.json", bad=bad) == [{"id": 1}, {"id": 2}]
    assert str(bad).endswith("1 row cannot be read: row 2 (a JSON int, expected an object)")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text(max_size=3), values), max_size=6), st.integers(1, 20), st.booleans())
def test_a_list_is_read_whatever_its_values_and_wherever_the_chunks_end(tmp_path_factory, told, size, alone):
    from featurizer.tables import json_tables

    path = tmp_path_factory.mktemp("json") / "t.json"
    path.write_text(json.dumps(told if alone else {"n": 12, "rows": told}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_tables, "_CHUNK", size)
        assert [dict(row) for _, row in JsonTable(path).rows(BadRows(path))] == json.loads(
            json.dumps(told).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        )


cells = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)


@given(
    st.lists(st.tuples(cells, cells), min_size=1, max_size=8),
    st.sampled_from(",;\t|"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_a_program_writes_in_any_dialect_is_read_as_it_was(tmp_path_factory, told, sign, encoding):
    import csv

    path = tmp_path_factory.mktemp("csv") / "t.csv"
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=sign, quoting=csv.QUOTE_ALL).writerows(
            [("id", "title", "note"), *((str(at), *row) for at, row in enumerate(told))]
        )
    assert [(row["title"] or "", row["note"] or "") for row in rows(path)] == told


@pytest.mark.parametrize(
    ("content", "dialect"),
    [
        ("id;title;price\n1;Cup, large;1,5\n2;Pot, small;2,5\n", Dialect(";")),
        ("id,tags\n1,a|b|c\n2,a|b\n", Dialect(",")),
        ("id|tags\n1|a,b,c\n2|d\n", Dialect("|")),
        ("id\ttitle\n1\t5\" pipe\n2\t\"Cup\n", Dialect("\t", quoted=False)),
        ("id\nabc\ndef\n", Dialect(",")),
        ("sep=|\nid|t\n1|2\n", Dialect("|", skipped=1)),
        ("Price list\n\nid;title\n1;Cup\n", Dialect(";", skipped=1)),
        ('id,t\n1,"a\nb;c;d"\n2,"x\ny;z"\n', Dialect(",")),
    ],
)  # fmt: skip
def test_the_dialect_is_the_one_that_gives_even_rows(tmp_path, content, dialect):
    (tmp_path / "t.csv").write_text(content)
    assert dialect_of(tmp_path / "t.csv", "utf-8", ".csv") == dialect


def test_all_rows_of_another_width_are_counted_with_their_lines_but_for_empty_ends(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,title\n" + "a,Cup\n" * 9 + "b\nc,Pot,,\nd,e,f\n")
    bad = BadRows(path)
    assert rows(path, bad=bad)[-1] == {"id": "c", "title": "Pot"}
    assert bad.count == 2
    assert "line 11 (has 1 cells, the header 2), line 13 (has 3 cells, the header 2)" in str(bad)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Image Src", "imageSrc"), ("image_link", "IMAGE-LINK"), ("Désignation", "designation"), ("Größe", "GROSSE"),
     ("ﬁle", "file")],
)  # fmt: skip
def test_names_that_people_take_for_one_are_one(one, other):
    assert folded(one) == folded(other)


def test_names_with_what_stands_around_them_are_found_and_the_exact_ones_come_first():
    roles = {"id": ("id",), "title": ("name", "title"), "price": ("price",)}
    assert match(roles, ["g:id", "name-en_US", "title", "Price (EUR)"]) == {
        "id": "g:id", "title": "name-en_US", "price": "Price (EUR)",
    }  # fmt: skip
    assert match(roles, ["name-de_DE", "Name", "id:token"]) == {"id": "id:token", "title": "Name"}
    assert match({"title": ("image",)}, ["image_id"]) == {}


def test_a_line_longer_than_any_tables_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(unpacked, "LONGEST_LINE", 1 << 18)
    for name, pack in {
        "t.csv": bytes,
        "t.csv.gz": gzip.compress,
        "t.jsonl": bytes,
        "t.json.gz": gzip.compress,
    }.items():
        (tmp_path / name).write_bytes(pack(b"id,title\n1," + b"x" * (1 << 19)))
        if name == "t.json.gz":
            (tmp_path / name).write_bytes(pack(b"[" + b" " * (1 << 19)))
        with pytest.raises(InputError, match=r"line \d is longer than"):
            rows(tmp_path / name)


@pytest.mark.parametrize("name", ["t.csv.gz", "t.csv.zst", "t.tsv.gz"])
def test_what_unpacks_to_far_more_than_any_table_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.setattr(unpacked, "ALWAYS_UNPACKED", 1 << 20)
    content = b"id,title\n" + b"1,xxxxxxxxxxxxxxxxxxxx\n" * 200_000
    (tmp_path / name).write_bytes(
        gzip.compress(content) if name.endswith(".gz") else pa.compress(content, "zstd", asbytes=True)
    )
    with pytest.raises(
        InputError, match=r"unpacks to more than .* MB from its first 0\.0 MB; expected at most 250 bytes"
    ):
        rows(tmp_path / name)


@pytest.mark.slow
def test_eleven_gigabytes_in_a_packed_file_are_refused_in_little_memory(tmp_path):
    path = tmp_path / "t.csv.zst"
    block = pa.compress(b"0" * (1 << 28), "zstd", asbytes=True)
    path.write_bytes(block * 44)
    code = (
        "import resource, sys\nfrom pathlib import Path\nfrom featurizer.errors import InputError\n"
        "from featurizer.tables.open import open_table\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: open_table(Path(sys.argv[1])).columns\n"
        "except InputError as error: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, error)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    grown, _, told = done.stdout.partition(" ")
    assert int(grown) < 300_000, "KiB"
    assert "line 1 is longer than 64 MB" in told


def test_columns_of_several_tables_that_differ_in_case_and_signs_alone_are_one(tmp_path):
    (tmp_path / "a.csv").write_text("sku;Name;Image-Src\na1;one;a.png\n")
    (tmp_path / "b.csv").write_text("SKU,name,image_src,colour\nb1,two,b.png,red\n")
    (tmp_path / "c.csv").write_text("sku,name,NAME\nc1,three,other\n")
    source = TableSource(tuple(tmp_path / f"{name}.csv" for name in "abc"), ColumnNames())
    assert [(item.item_id, item.title) for item in source] == [("a1", "one"), ("b1", "two"), ("c1", None)]
    assert source.fields == {"item_id": "sku", "title": "Name", "image": "Image-Src"}
    assert list(source.extra) == ["colour", "name", "NAME"]
