import gzip

import pyarrow as pa
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


def written(folder, encoding, text=TABLE, name="items.csv"):
    path = folder / name
    data = text.encode(encoding, "replace")
    packed = {".gz": gzip.compress, ".zst": lambda text: pa.compress(text, "zstd", asbytes=True)}
    path.write_bytes(packed.get(path.suffix, bytes)(data))
    return path


@pytest.mark.parametrize("name", ["items.csv", "items.csv.gz"])
@pytest.mark.parametrize("encoding", MARKED)
def test_a_table_is_read_in_every_encoding_that_its_first_bytes_tell(tmp_path, encoding, name):
    path = written(tmp_path, encoding, name=name)
    assert read_text(path) == TABLE
    assert b"".join(utf8_lines(path)) == TABLE.encode()
    catalog = fz.ingest(path, out=tmp_path / "c")
    assert catalog.column("title").to_pylist() == ["Tasse émaillée", "“smart” lamp"]


@pytest.mark.parametrize("name", ["items.csv", "items.csv.gz", "items.csv.zst"])
@pytest.mark.parametrize("encoding", ["cp1252", "utf-16-le", "utf-16-be"])
def test_a_table_without_a_mark_is_read_by_what_its_bytes_say_and_that_is_told(
    tmp_path, caplog, encoding, name
):
    path = written(tmp_path, encoding, name=name)
    caplog.set_level("INFO", "featurizer")
    catalog = fz.ingest(path, out=tmp_path / "c")
    assert catalog.column("title").to_pylist() == ["Tasse émaillée", "“smart” lamp"]
    assert f"{name}: read as {encoding} (" in caplog.text


def test_bytes_that_windows_1252_lacks_make_it_latin_1(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes("id,title\n1,é\n".encode("latin-1"))
    assert encoding_of(path).codec == "cp1252"
    path.write_bytes(b"id,title\n1,\xe9 \x81\n")
    assert encoding_of(path).codec == "latin-1"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("gb18030", "id,title\n1,红色搪瓷杯子和茶壶\n"), ("shift_jis", "id,title\n1,赤いマグカップとティーポット\n"),
     ("cp1251", "id,title\n1,красная эмалированная кружка\n")],
)  # fmt: skip
def test_letters_of_other_alphabets_are_never_guessed_and_read_where_they_are_named(tmp_path, encoding, text):
    path = written(tmp_path, encoding, text)
    with pytest.raises(InputError, match=r"is not UTF-8: line 2 holds the byte .*--encoding gb18030, cp1251"):
        fz.ingest(path, out=tmp_path / "c")
    made = fz.ingest(path, out=tmp_path / "c", encoding=encoding)
    assert made.column("title").to_pylist() == [text.split(",")[-1].strip()]


def test_one_damaged_byte_among_utf_8_is_told_with_its_line(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes("id,title\n1,Tasse émaillée à café\n2,caf\n".encode() + b"3,\xff\n")
    with pytest.raises(InputError, match=r"line 4 holds the byte 0xff at place 3"):
        encoding_of(path)


def test_a_wrong_encoding_that_is_named_is_an_error_with_the_line(tmp_path):
    path = written(tmp_path, "cp1252")
    with pytest.raises(InputError, match="is not UTF-8: line 2 holds the byte 0xe9 at place 9"):
        fz.ingest(path, out=tmp_path / "c", encoding="utf-8")
    with pytest.raises(InputError, match=r"no encoding is called 'utf9'.*gb18030"):
        fz.ingest(path, out=tmp_path / "c", encoding="utf9")


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


def test_interactions_and_lists_of_ids_in_another_encoding_are_read_too(tmp_path):
    clicks = written(tmp_path, "latin-1", "user_id,item_id\nu,a\nu,é\n", "clicks.csv")
    assert read_interactions(clicks)["item_id"].to_list() == ["a", "é"]
    assert read_ids(written(tmp_path, "latin-1", "a\né\n", "ids.txt")) == ["a", "é"]


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
    assert encoding_of(path).codec == "utf-16"
