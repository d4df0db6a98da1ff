import gzip

import pytest

import featurizer as fz
from featurizer.catalog import amazon_2023
from featurizer.catalog.column_names import ColumnNames
from featurizer.catalog.lines import LineSource
from featurizer.catalog.review_lines import read_reviews
from featurizer.catalog.table import TableSource
from featurizer.errors import InputError
from featurizer.interactions.read import read_interactions
from featurizer.release.exchange import amazon_b
from featurizer.release.exchange.ids import read_ids
from featurizer.text_files import encoding_of, open_text, read_text, utf8_lines

TABLE = "item_id,title\na,Tasse émaillée\nb,“smart” lamp\n"
MARKED = ["utf-8", "utf-8-sig", "utf-16", "utf-32"]
UNMARKED = ["latin-1", "cp1252", "utf-16-le"]


def written(folder, encoding, text=TABLE, name="items.csv"):
    path = folder / name
    data = text.encode(encoding, "replace")
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


@pytest.mark.parametrize("name", ["items.csv", "items.csv.gz"])
@pytest.mark.parametrize("encoding", MARKED)
def test_a_table_is_read_in_every_encoding_that_its_first_bytes_tell(tmp_path, encoding, name):
    path = written(tmp_path, encoding, name=name)
    assert read_text(path) == TABLE
    assert b"".join(utf8_lines(path)) == TABLE.encode()
    catalog = fz.ingest(path, out=tmp_path / "c")
    assert catalog.column("title").to_pylist() == ["Tasse émaillée", "“smart” lamp"]


@pytest.mark.parametrize("name", ["items.csv", "items.csv.gz"])
@pytest.mark.parametrize(("encoding", "line", "byte"), [("latin-1", 2, "e9"), ("cp1252", 2, "e9")])
def test_a_table_in_another_encoding_is_told_with_line_byte_and_cure(tmp_path, name, encoding, line, byte):
    path = written(tmp_path, encoding, name=name)
    told = rf"is not UTF-8: line {line} holds the byte 0x{byte} at place 9, in “a,Tasse émaillée”.* iconv -f .*{name}"
    with pytest.raises(InputError, match=told):
        fz.ingest(path, out=tmp_path / "c")
    with pytest.raises(InputError, match=told):
        read_text(path)


def broken(folder, name, text):
    """Write a gzip file whose packed bytes begin with what no packer writes."""
    packed = bytearray(gzip.compress(text))
    packed[10:30] = b"\xff" * 20
    (folder / name).write_bytes(packed)
    return folder / name


READERS = {
    "words.txt.gz": read_text,
    "table.csv.gz": lambda path: list(TableSource(path, ColumnNames())),
    "table.jsonl.gz": lambda path: list(TableSource(path, ColumnNames())),
    "meta.jsonl.gz": lambda path: list(LineSource(path, amazon_2023.source)),
    "reviews.jsonl.gz": lambda path: read_reviews(path, "user_id", "item_id", "rating", "timestamp"),
    "clicks.csv.gz": read_interactions,
    "image_features_Baby.b.gz": lambda path: list(amazon_b.records(path)),
}


@pytest.mark.parametrize("name", READERS)
def test_damage_inside_a_gzip_file_is_told_by_every_reader(tmp_path, name):
    path = broken(tmp_path, name, TABLE.encode())
    with pytest.raises(OSError if name == "words.txt.gz" else InputError, match="gzip is damaged: Error -3"):
        READERS[name](path)


def test_a_wrong_byte_is_told_whatever_else_is_wrong_with_the_table(tmp_path):
    path = written(tmp_path, "latin-1", "user_id,item_id,größe\nü,b,c,d\n", "clicks.csv")
    with pytest.raises(InputError, match="is not UTF-8: line 1 holds the byte 0xf6 at place 19"):
        read_interactions(path)


def test_utf_16_that_breaks_off_is_told(tmp_path):
    path = tmp_path / "items.csv"
    path.write_bytes(TABLE.encode("utf-16") + b"\xd8")
    with pytest.raises(InputError, match="begins as UTF-16 and is damaged further on"):
        read_text(path)
    with pytest.raises(InputError, match="begins as UTF-16"):
        list(utf8_lines(path))


@pytest.mark.parametrize("encoding", MARKED)
def test_interactions_and_lists_of_ids_are_read_in_them_too(tmp_path, encoding):
    path = written(tmp_path, encoding, "user_id,item_id\nü,é\n", "clicks.csv")
    assert read_interactions(path).select("user_id", "item_id").rows() == [("ü", "é")]
    assert read_ids(written(tmp_path, encoding, "item_id\né\n", "ids.csv")) == ["é"]
    assert read_ids(written(tmp_path, encoding, "é\nb\n", "ids.txt")) == ["é", "b"]


def test_interactions_and_lists_of_ids_in_another_encoding_are_told(tmp_path):
    clicks = written(tmp_path, "latin-1", "user_id,item_id\nu,a\nu,é\n", "clicks.csv")
    with pytest.raises(InputError, match=r"clicks\.csv is not UTF-8: line 3 holds the byte 0xe9 at place 3"):
        read_interactions(clicks)
    with pytest.raises(InputError, match=r"ids\.txt is not UTF-8: line 2"):
        read_ids(written(tmp_path, "latin-1", "a\né\n", "ids.txt"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_json_lines_and_captions_are_read_in_them_too(tmp_path, encoding):
    lines = written(tmp_path, encoding, '{"item_id": "a", "title": "é"}\n', "items.jsonl")
    assert fz.ingest(lines, out=tmp_path / "c").column("title").to_pylist() == ["é"]
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "a.png").write_bytes(b"")
    written(pictures, encoding, "é\n", "a.txt")
    made = fz.ingest(pictures, out=tmp_path / "d", max_failures=1)
    assert made.column("title").to_pylist() == ["é"]


def test_line_ends_stay_as_they_are(tmp_path):
    path = written(tmp_path, "utf-16", "a\r\nb\rc\n")
    with open_text(path) as file:
        assert file.read() == "a\r\nb\rc\n"
    assert encoding_of(path) == "utf-16"
