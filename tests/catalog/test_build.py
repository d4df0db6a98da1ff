import io
import json

import datasets
import pyarrow.parquet as pq
import pytest
from PIL import Image

from featurizer.catalog import part_rows
from featurizer.catalog.column_names import ColumnNames
from featurizer.catalog.folder import FolderSource
from featurizer.catalog.hub_source import HubSource
from featurizer.catalog.images import FetchOptions, ImageFetcher
from featurizer.catalog.ingest import ingest
from featurizer.catalog.open_source import open_source
from featurizer.catalog.retry_failed import retry_failed
from featurizer.catalog.store import Catalog
from featurizer.catalog.table import TableSource
from featurizer.catalog.text import TextRecipe
from featurizer.errors import InputError, StaleOutput
from featurizer.operations.catalogs import catalog_outcome
from tests.servers import answer, serve

LOOPBACK = FetchOptions(allow_private_hosts=True)


def picture(color, kind="PNG"):
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), color).save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture
def table(tmp_path):
    folder = tmp_path / "in"
    (folder / "pictures").mkdir(parents=True)
    for name, color in (("a", "red"), ("b", "green")):
        (folder / "pictures" / f"{name}.png").write_bytes(picture(color))
    (folder / "pictures" / "c.png").write_bytes(b"<html>")
    (folder / "items.csv").write_text("id,title,label\na,Cup,x\nb,Mug,y\nc,Jug,x\nd,,\n")
    return folder


def source(folder):
    return TableSource(folder / "items.csv", ColumnNames(), folder / "pictures")


def make(one, out, **options):
    with ImageFetcher(LOOPBACK) as fetcher:
        return ingest(one, out, **options, fetcher=fetcher)


def rows(catalog):
    return [row for path in catalog.parts for row in pq.read_table(path).to_pylist()]


def test_no_item_is_dropped_and_each_failure_has_its_reason(table, tmp_path):
    catalog = make(source(table), tmp_path / "c")
    found = rows(catalog)
    assert [row["item_id"] for row in found] == ["a", "b", "c", "d"]
    assert [row["image_status"] for row in found] == ["ok", "ok", "not_an_image", "none"]
    assert found[0]["image"] == {"bytes": picture("red"), "path": "a.png"}
    assert found[2]["image"] is None
    assert found[2]["image_sha256"] is not None
    assert (found[0]["width"], found[0]["height"]) == (30, 20)
    assert [row["label"] for row in found] == ["x", "y", "x", None]
    assert [row["text"] for row in found] == ["Cup", "Mug", "Jug", None]
    assert catalog.manifest.image_status == {"none": 1, "not_an_image": 1, "ok": 2}
    assert catalog.manifest.with_text == 3


def test_datasets_shows_the_pictures_of_a_catalog(table, tmp_path):
    catalog = make(source(table), tmp_path / "c")
    loaded = datasets.load_dataset(
        "parquet",
        data_files=[str(path) for path in catalog.parts],
        split="train",
        cache_dir=str(tmp_path / "cache"),
    )
    assert loaded[0]["image"].size == (30, 20)
    assert loaded[3]["image"] is None


def test_batches_cover_any_range_of_rows_across_parts(table, tmp_path):
    catalog = make(source(table), tmp_path / "c", part_rows=1)
    for start in range(5):
        for stop in range(start, 5):
            got = [
                item
                for batch in catalog.batches(["item_id"], range(start, stop), size=2)
                for item in batch.column(0).to_pylist()
            ]
            assert got == list("abcd")[start:stop]


def test_batches_have_the_size_asked_for_across_row_groups_and_parts(tmp_path):
    rows = "".join(f"i{n},Cup {n}\n" for n in range(1230))
    (tmp_path / "t.csv").write_text("id,title\n" + rows)
    catalog = make(TableSource(tmp_path / "t.csv", ColumnNames()), tmp_path / "c", part_rows=500)
    sizes = [len(batch) for batch in catalog.batches(["item_id"], range(7, catalog.rows), size=128)]
    assert sizes == [128] * 9 + [71]
    assert [len(batch) for batch in catalog.batches(["item_id"], range(999, 1002), size=32)] == [3]


def test_a_build_that_was_broken_off_goes_on_and_ends_with_the_same_content(table, tmp_path, monkeypatch):
    whole = make(source(table), tmp_path / "whole", part_rows=1).manifest.data_sha256
    written = []

    def break_off(path, schema):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(path)
        return write(path, schema)

    write = part_rows.part_writer
    monkeypatch.setattr(part_rows, "part_writer", break_off)
    with pytest.raises(KeyboardInterrupt):
        make(source(table), tmp_path / "c", part_rows=1)
    with pytest.raises(InputError, match="run the command that makes it again"):
        Catalog.open(tmp_path / "c")
    monkeypatch.undo()
    stamps = [path.stat().st_mtime_ns for path in written]
    assert make(source(table), tmp_path / "c", part_rows=1).manifest.data_sha256 == whole
    assert [path.stat().st_mtime_ns for path in written] == stamps


def test_a_changed_table_or_recipe_is_stale(table, tmp_path):
    make(source(table), tmp_path / "c")
    with pytest.raises(StaleOutput, match=r"text_recipe\.template"):
        make(source(table), tmp_path / "c", recipe=TextRecipe(template="{title}"))
    with (table / "items.csv").open("a") as file:
        file.write("e,Pot,\n")
    with pytest.raises(StaleOutput, match=r"content\.sha256"):
        make(source(table), tmp_path / "c")


def test_overwrite_replaces_the_items_and_leaves_what_others_wrote_there(table, tmp_path):
    make(source(table), tmp_path / "c", part_rows=1)
    (tmp_path / "c" / "features").mkdir()
    with ImageFetcher(LOOPBACK) as fetcher:
        recipe = TextRecipe(template="{title}")
        made = ingest(source(table), tmp_path / "c", recipe=recipe, fetcher=fetcher, overwrite=True)
    assert [path.name for path in sorted((tmp_path / "c" / "items").iterdir())] == ["part-00000.parquet"]
    assert made.rows == 4
    assert (tmp_path / "c" / "features").is_dir()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "id,title\na,Cup\na,Mug\n",
            "1 row repeats an id .'a' again in line 3.*--on-duplicate first or last",
        ),
        ("id,title\n,Cup\n", "t.csv: 1 row has no id .line 2"),
        ("id,title\n", "no items"),
    ],
)
def test_bad_ids_and_empty_tables_are_clear_errors(tmp_path, content, message):
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(InputError, match=message):
        make(TableSource(tmp_path / "t.csv", ColumnNames()), tmp_path / "c")


def test_a_source_column_named_like_a_core_column_is_kept_under_another_name(tmp_path):
    (tmp_path / "t.csv").write_text("id,title,text,width\na,Cup,mine,7\n")
    row = rows(make(TableSource(tmp_path / "t.csv", ColumnNames()), tmp_path / "c"))[0]
    assert (row["source_text"], row["source_width"], row["text"], row["width"]) == ("mine", "7", "Cup", None)


def test_what_is_said_of_an_item_is_stored_as_it_came_and_addresses_without_logins(tmp_path, monkeypatch):
    monkeypatch.setenv("FEATURIZER_RETRY_WAIT", "0.01")
    words = "Nail File:100/180 Grit, see http://ann:pass@x/a?sig=12 and file:///srv/manual.pdf"
    table = tmp_path / "t.jsonl"
    address = "http://ann:pass@127.0.0.1:9/a?sig=12"
    row = {
        "item_id": "a", "title": f"T {words}", "description": f"D {words}", "brand": words, "categories": [words],
        "remark": words, "manual": address, "more": [address, words], "image": address,
    }  # fmt: skip
    table.write_text(json.dumps(row) + "\n")
    (stored,) = rows(make(TableSource(table, ColumnNames()), tmp_path / "c"))
    assert {name: stored[name] for name in ("title", "description", "brand", "categories", "remark")} == {
        name: row[name] for name in ("title", "description", "brand", "categories", "remark")
    }
    assert stored["text"].count(words) == 4
    assert stored["manual"] == stored["image_url"] == "http://127.0.0.1:9/a?sig="
    assert json.loads(stored["more"]) == ["http://127.0.0.1:9/a?sig=", words]


def test_failed_pictures_are_fetched_again_on_request(tmp_path):
    pictures = tmp_path / "p"
    pictures.mkdir()
    (pictures / "a.png").write_bytes(picture("red"))
    with serve() as site:
        web = site.at("/b.png", answer(b"", status=404))
        (tmp_path / "t.csv").write_text(f"id,image\na,file://{pictures}/a.png\nb,{web}\nc,\n")
        catalog = make(TableSource(tmp_path / "t.csv", ColumnNames()), tmp_path / "c", part_rows=2)
        assert catalog.manifest.image_status == {"http_404": 1, "none": 1, "ok": 1}
        assert catalog.column("image_url").to_pylist() == ["a.png", web, None]
        site.at("/b.png", answer(picture("blue")))
        with ImageFetcher(LOOPBACK) as fetcher:
            again = retry_failed(catalog, fetcher=fetcher)
    assert again.manifest.image_status == {"none": 1, "ok": 2}
    assert rows(again)[1]["image"]["bytes"] == picture("blue")
    assert again.manifest.fingerprint == catalog.manifest.fingerprint
    assert again.manifest.data_sha256 != catalog.manifest.data_sha256


def test_a_folder_of_pictures_is_one_item_a_picture_with_caption_and_categories(tmp_path):
    folder = tmp_path / "stamps"
    (folder / "animals" / "birds").mkdir(parents=True)
    (folder / "animals" / "birds" / "duck.png").write_bytes(picture("yellow"))
    (folder / "animals" / "birds" / "duck.txt").write_text("A yellow duck.\nfr.utf8=Un canard.\n")
    (folder / "same.png").write_bytes(picture("red"))
    (folder / "same.jpg").write_bytes(picture("blue", "JPEG"))
    (folder / "notes.md").touch()
    found = rows(make(FolderSource(folder), tmp_path / "c"))
    assert [row["item_id"] for row in found] == ["animals/birds/duck", "same.jpg", "same.png"]
    assert found[0]["title"] == "A yellow duck."
    assert found[0]["categories"] == ["animals", "birds"]
    assert found[0]["text"] == "A yellow duck. animals birds"


@pytest.mark.parametrize(
    ("files", "ids"),
    [
        (["1.0.jpg", "1.jpg", "2.0.jpg"], ["1.0.jpg", "1.jpg", "2"]),
        (["cafe\u0301.jpg", "caf\u00e9.png"], ["caf\u00e9.jpg", "caf\u00e9.png"]),
        (["cafe\u0301.jpg", "caf\u00e9.jpg"], ["cafe\u0301.jpg", "caf\u00e9.jpg"]),
        (["a.gif", "a.jpg", "a.jpg.png"], ["a.gif", "a.jpg", "a.jpg.png"]),
    ],
)
def test_pictures_whose_names_are_one_id_keep_their_suffix(tmp_path, files, ids):
    for name in files:
        (tmp_path / name).write_bytes(picture("red"))
    found = {record.image.path.name: record.item_id for record in FolderSource(tmp_path)}
    assert found == dict(zip(files, ids, strict=True))


def test_a_hub_data_set_in_a_local_folder_is_streamed_with_its_pictures(tmp_path):
    columns = {
        "asin": ["a", "b"],
        "title": ["Cup", "Mug"],
        "image": [{"bytes": picture("red"), "path": "r.png"}, None],
        "price": [1.5, None],
    }
    features = datasets.Features(
        {
            "asin": datasets.Value("string"),
            "title": datasets.Value("string"),
            "image": datasets.Image(),
            "price": datasets.Value("float64"),
        }
    )
    folder = tmp_path / "hub"
    (folder / "data").mkdir(parents=True)
    datasets.Dataset.from_dict(columns, features=features).to_parquet(
        folder / "data" / "train-00000-of-00001.parquet"
    )
    found = rows(make(HubSource(str(folder), ColumnNames()), tmp_path / "c"))
    assert [row["item_id"] for row in found] == ["a", "b"]
    assert [row["image_status"] for row in found] == ["ok", "none"]
    assert found[0]["image"]["bytes"] == picture("red")
    assert [row["price"] for row in found] == [1.5, None]


@pytest.mark.parametrize(
    ("location", "message"), [("nowhere.csv", "does not exist"), ("hf:./nowhere", "is no folder")]
)
def test_a_source_that_is_not_there_is_a_clear_error(tmp_path, monkeypatch, location, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        make(open_source(location), tmp_path / "c")


def test_the_manifest_is_readable_json_with_the_counts(table, tmp_path):
    make(source(table), tmp_path / "c", origin={"name": "test", "license": "CC0-1.0"})
    manifest = json.loads((tmp_path / "c" / "catalog.json").read_text())
    assert manifest["source"] == {"name": "test", "license": "CC0-1.0"}
    assert manifest["rows"] == 4
    assert not (tmp_path / "c" / ".stage.json").exists()


def test_a_picture_of_this_disk_is_told_by_its_path_below_the_folder_also_where_it_is_missing(tmp_path):
    (tmp_path / "pictures" / "sub").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "pictures" / "sub" / "a.png")
    (tmp_path / "t.csv").write_text("id,image\n1,sub/a.png\n2,sub/b.png\n3,\n4,../out.png\n")
    with ImageFetcher() as fetcher:
        made = ingest(
            open_source(str(tmp_path / "t.csv"), images=tmp_path / "pictures"),
            tmp_path / "c",
            fetcher=fetcher,
        )
    told = zip(made.column("image_status").to_pylist(), made.column("image_url").to_pylist(), strict=True)
    assert list(told) == [
        ("ok", "sub/a.png"),
        ("missing_file", "sub/b.png"),
        ("none", None),
        ("forbidden_path", "forbidden:out.png"),
    ]
    assert "    2: missing_file sub/b.png" in catalog_outcome(made, None).text
