"""Tables whose items have several pictures: every way of writing them, local and over HTTP, killed, updated."""

import base64
import json
import signal
import tracemalloc
from pathlib import Path

import datasets
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import featurizer as fz
from featurizer.catalog.columns import as_images
from featurizer.catalog.images import ImageFetcher
from featurizer.catalog.ingest import ingest as ingest_source
from featurizer.catalog.item_pictures import ItemPictures
from featurizer.catalog.picture_survey import PictureSurvey
from featurizer.catalog.store import Catalog
from featurizer.catalog.verify import verify_catalog
from featurizer.errors import InputError, StaleOutput, UnknownName
from featurizer.records import ImageRef, ItemRecord
from featurizer.results.names import CATALOG
from tests.catalog.test_download_kills import AT_ONCE, ingest, killed_at
from tests.catalog.test_several_pictures import Shop, outcomes, picture, rows
from tests.servers import serve
from tests.servers.faults import faults
from tests.support.items import ListSource
from tests.support.program import run_program

COLORS = ["red", "blue", "lime", "navy", "gold", "pink", "teal", "gray", "tan", "cyan"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for color in COLORS:
        (tmp_path / f"{color}.png").write_bytes(picture(color))
    return tmp_path


@pytest.fixture
def site():
    with serve() as site:
        yield site


def write(name, text):
    Path(name).write_text(text)


def found(catalog):
    """Return the colors of each item's pictures."""
    colors = {picture(color): color for color in COLORS}
    return {
        name: [colors[one["bytes"]] for one in row.get("images") or filter(None, [row["image"]])]
        for name, row in rows(catalog).items()
    }


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("image", "red.png|blue.png|lime.png"),
        ("image", '"red.png, blue.png, lime.png"'),
        ("image", '"[""red.png"", ""blue.png"", ""lime.png""]"'),
        ("image", '"[{""src"": ""red.png""}, {""src"": ""blue.png""}, {""src"": ""lime.png""}]"'),
        ("image_link,additional_image_link", '"red.png","blue.png,lime.png"'),
        ("Image 1,Image 2,Image 3", "red.png,blue.png,lime.png"),
        ("Bild1,Bild2,Bild10", "red.png,blue.png,lime.png"),
        ("Product Image File - 1,Product Image File - 2,Product Image File - 3", "red.png,blue.png,lime.png"),
        ("main_image_url,other_image_url1,other_image_url2", "red.png,blue.png,lime.png"),
        ("image,images", "red.png,red.png|blue.png|lime.png"),
        ("image,image_2,image_3,image_4", "red.png,,blue.png,lime.png"),
        ("image_link,additional_image_link", ',"red.png|blue.png|lime.png"'),
    ],
)
def test_each_way_to_write_several_pictures_keeps_them_in_order(folder, header, cells):
    write(
        "t.csv",
        f"id,{header}\na,{cells}\nb,{'gold.png' if ',' not in header else 'gold.png' + ',' * header.count(',')}\n",
    )
    made = fz.ingest("t.csv", out="c")
    assert found(made) == {"a": ["red", "blue", "lime"], "b": ["gold"]}
    assert made.manifest.images.model_dump() == {"items": 1, "further": {"ok": 2}}
    assert [name for name in made.schema.names if "image" in name.lower() or "bild" in name.lower()] == [
        "image", "image_status", "image_url", "image_sha256", "images", "image_outcomes",
    ]  # fmt: skip
    assert verify_catalog(made) == []


def test_objects_of_lists_are_as_many_pictures_as_the_lists_are_long():
    large = ["https://x/a.jpg", "https://x/b.jpg"]
    cell = {"hi_res": [None, "https://x/b-hi.jpg"], "large": large, "variant": ["MAIN", "PT01"]}
    assert [ref.url for ref in as_images(cell, None)] == ["https://x/a.jpg", "https://x/b-hi.jpg"]


def test_rows_of_one_handle_are_one_item_with_the_pictures_of_all(folder):
    write(
        "t.csv", "Handle,Title,Image Src\nmug,Mug,red.png\nmug,,blue.png\nlamp,Lamp,gold.png\nmug,,red.png\n"
    )
    assert found(fz.ingest("t.csv", out="c")) == {"lamp": ["gold"], "mug": ["red", "blue"]}


def test_ids_that_are_one_are_so_for_their_pictures_too(folder):
    write("t.csv", "Handle,Title,Image Src\n mug,Mug,red.png\nmug,,blue.png\n")
    assert found(fz.ingest("t.csv", out="c")) == {"mug": ["red", "blue"]}


def test_rows_without_an_id_are_not_taken_for_one_item(folder):
    write("t.csv", "Handle,Image Src\n,red.png\n,blue.png\nmug,lime.png\nmug,lime.png\n")
    made = fz.ingest("t.csv", on_missing_id="number", out="c")
    assert found(made) == {"row-1": ["red"], "row-2": ["blue"], "mug": ["lime"]}
    assert not made.several


def test_merged_rows_that_carry_one_picture_name_one(folder):
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    cells = [
        {"bytes": picture(color), "path": f"{place}.png"}
        for place, color in enumerate(["red", "red", "blue"])
    ]
    pq.write_table(pa.table({"id": ["a", "a", "b"], "photo": pa.array(cells, kind)}), "t.parquet")
    made = fz.ingest("t.parquet", on_duplicate="merge", out="c")
    assert (found(made), made.several) == ({"a": ["red"], "b": ["blue"]}, False)
    other = [*cells[:1], {"bytes": picture("lime"), "path": None}, *cells[2:]]
    pq.write_table(pa.table({"id": ["a", "a", "b"], "photo": pa.array(other, kind)}), "u.parquet")
    made = fz.ingest("u.parquet", on_duplicate="merge", out="d")
    assert found(made) == {"a": ["red", "lime"], "b": ["blue"]}


def test_the_survey_holds_no_pictures_that_tables_carry(folder):
    text = "data:image/png;base64," + base64.b64encode(bytes(1_000_000)).decode()
    rows = (({"image": text}, folder, f"item {number}") for number in range(50))
    tracemalloc.start()
    PictureSurvey.of(rows, ItemPictures("image", (), 8))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 15_000_000


def test_a_source_whose_items_have_more_pictures_than_it_says_is_refused(folder):
    further = (ImageRef(path=folder / "blue.png"),)
    source = ListSource([ItemRecord("a", image=ImageRef(path=folder / "red.png"), further=further)])
    source.several = False
    with ImageFetcher() as fetcher, pytest.raises(InputError, match=r"'a' has 2 pictures.*`several`"):
        ingest_source(source, folder / "c", fetcher=fetcher)


@pytest.mark.parametrize("also", ["Image 2", "Additional Images", "Gallery"])
def test_merged_rows_keep_the_further_pictures_of_all(folder, also):
    write(
        "t.csv",
        f"Handle,Title,Image Src,{also}\nmug,Mug,red.png,lime.png\nlamp,Lamp,gold.png,\nmug,,blue.png,navy.png\n"
        "mug,,red.png,lime.png\n",
    )
    made = fz.ingest("t.csv", images_column=[also], out="c")
    assert found(made) == {"lamp": ["gold"], "mug": ["red", "blue", "lime", "navy"]}


def test_pictures_of_merged_rows_lie_beside_the_table_of_each_row(folder):
    for name, color in {"p/1.png": "red", "q/2.png": "blue"}.items():
        (folder / name).parent.mkdir()
        (folder / name).write_bytes(picture(color))
    write("p/a.csv", "Handle,Image Src\nmug,1.png\n")
    write("q/b.csv", "Handle,Image Src\nmug,2.png\n")
    assert found(fz.ingest(["p/a.csv", "q/b.csv"], out="c")) == {"mug": ["red", "blue"]}


def test_a_further_column_that_names_nothing_new_is_the_sources_own_in_merged_rows_too(folder):
    write("t.csv", "Handle,image,image_2\nmug,red.png,red.png\nmug,blue.png,\n")
    made = fz.ingest("t.csv", out="c")
    assert found(made) == {"mug": ["red", "blue"]}
    assert made.column("image_2").to_pylist() == ["red.png"]


def test_lists_of_pictures_in_tables_of_types(folder):
    images = [[{"bytes": picture("red"), "path": None}, {"bytes": picture("blue"), "path": None}], []]
    kind = pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    pq.write_table(pa.table({"id": ["a", "b"], "photos": pa.array(images, kind)}), "t.parquet")
    assert found(fz.ingest("t.parquet", out="c")) == {"a": ["red", "blue"], "b": []}
    frame = pl.DataFrame({"id": ["a", "b"], "image": [["red.png", "blue.png"], ["gold.png"]]})
    assert found(fz.ingest(frame, out="d")) == {"a": ["red", "blue"], "b": ["gold"]}


def test_a_data_set_of_the_hubs_layout_with_a_list_of_images(folder):
    features = datasets.Features({"id": datasets.Value("string"), "image": datasets.List(datasets.Image())})
    colors = {"a": ["red", "blue"], "b": ["gold"]}
    shown = [
        {"id": name, "image": [{"bytes": picture(color), "path": None} for color in several]}
        for name, several in colors.items()
    ]
    (folder / "hub").mkdir()
    data = datasets.Dataset.from_list(shown, features=features)
    data.to_parquet("hub/train.parquet")
    made = fz.ingest("hf:./hub", out="c")
    assert found(made) == colors
    # of texts the first rows tell
    (folder / "texts").mkdir()
    pl.DataFrame({"id": ["a", "b"], "image": ["red.png|blue.png", "gold.png"]}).write_parquet(
        "texts/t.parquet"
    )
    texts = fz.ingest("hf:./texts", max_failures=9, out="d")
    assert [status for status, _ in outcomes(rows(texts)["a"])] == ["missing_file"] * 2
    one = fz.ingest("hf:./texts", max_images=1, max_failures=9, out="e")
    assert (one.several, one.manifest.notes) == (
        False,
        {"items_with_more_pictures": 1, "pictures_left_out": 1},
    )


def test_more_than_are_kept_are_left_out_said_once_and_recorded(folder, caplog):
    write(
        "t.csv",
        f"id,image\na,{'|'.join(f'{color}.png' for color in COLORS)}\nb,red.png|blue.png|lime.png\nc,red.png\n",
    )
    made = fz.ingest("t.csv", out="c")
    assert found(made)["a"] == COLORS[:8]
    assert made.manifest.notes == {"items_with_more_pictures": 1, "pictures_left_out": 2}
    assert caplog.text.count("1 item names more pictures than the 8 that are kept: 2 are left out") == 1
    with pytest.raises(StaleOutput, match="max_images"):
        fz.ingest("t.csv", max_images=2, out="c")
    two = fz.ingest("t.csv", max_images=2, out="two")
    assert found(two) == {"a": ["red", "blue"], "b": ["red", "blue"], "c": ["red"]}
    assert two.manifest.notes == {"items_with_more_pictures": 2, "pictures_left_out": 9}


def test_one_picture_an_item_makes_the_catalog_that_it_made(folder):
    # further columns that are empty, or say something else, are the source's own
    write("t.csv", "id,image,image_2,images\na,red.png,,mine\nb,blue.png,,yours\nc,,,\n")
    made, one = fz.ingest("t.csv", out="c"), fz.ingest("t.csv", max_images=1, out="one")
    assert made.schema.names[-2:] == ["image_2", "images"]
    assert made.column("images").to_pylist() == ["mine", "yours", None]
    assert made.identity == one.identity
    config = json.loads((folder / "c" / CATALOG).read_text())["config"]
    assert "max_images" not in config
    assert config["content"]["columns"] == {"item_id": "id", "image": "image"}


def test_a_picture_that_only_a_further_column_has_is_the_items_picture(folder):
    write("t.csv", "id,image,image_2\na,,red.png\nb,blue.png,\nc,lime.png,lime.png\n")
    made = fz.ingest("t.csv", out="c")
    assert found(made) == {"a": ["red"], "b": ["blue"], "c": ["lime"]}
    assert (made.several, made.manifest.mapping["images"]) == (False, "image_2")


def test_the_columns_of_further_pictures_can_be_named_and_must_be_there(folder):
    write("t.csv", "id,image,back,side\na,red.png,blue.png,lime.png\n")
    assert not fz.ingest("t.csv", out="c").several
    made = fz.ingest("t.csv", images_column=["back", "side"], out="d")
    assert found(made) == {"a": ["red", "blue", "lime"]}
    assert made.manifest.mapping == {"item_id": "id", "image": "image", "images": "back + side"}
    with pytest.raises(UnknownName, match="front"):
        fz.ingest("t.csv", images_column=["front"], out="e")
    write("u.csv", "id,image,image2\na,red.png,blue.png\n")
    assert found(fz.ingest("u.csv", images_column=["@none"], out="f")) == {"a": ["red"]}
    fz.ingest("t.csv", images_column=["back"], out="d", update=True)
    with pytest.raises(InputError, match="--images-column"):
        fz.ingest("t.csv", out="d", update=True)


def test_what_became_of_all_pictures_is_counted_and_shown(folder, monkeypatch, capsys):
    cells = ["red.png|blue.png|none.png", "gold.png|gold.png", "", "lime.png|red.png|red.png"]
    write(
        "t.csv", "id,image\n" + "".join(f"{name},{cell}\n" for name, cell in zip("abcd", cells, strict=True))
    )
    code, said, _ = run_program(monkeypatch, capsys, "ingest", "t.csv", "--out", "c", "--max-failures", 1)
    assert code == 0
    assert "2 items name several pictures; beside the first: missing_file 1, ok 2" in said
    code, said, _ = run_program(
        monkeypatch, capsys, "ingest", "t.csv", "--out", "c", "--max-failures", 0, "--json"
    )
    assert code == 3
    told = json.loads(said)
    assert told["images"] == {"items": 2, "further": {"missing_file": 1, "ok": 2}}
    assert (told["failures"]["wanted"], told["failures"]["failed"]) == (6, 1)
    assert told["failures"]["examples"] == [{"item_id": "a", "url": "none.png", "status": "missing_file"}]
    code, said, _ = run_program(monkeypatch, capsys, "inspect", "c", "--json")
    assert json.loads(said)["pictures_an_item"] == {"0": 1, "1": 1, "2": 2}
    code, said, _ = run_program(monkeypatch, capsys, "inspect", "c")
    assert "2 items name several pictures; beside the first: missing_file 1, ok 2" in said


def test_over_http_a_changed_one_of_three_is_sent_and_the_others_are_not(folder, site):
    shop = Shop(site)
    urls = [shop.at(name, color).url for name, color in zip("pqrstu", COLORS, strict=False)]
    write("t.csv", f"id,image\na,{'|'.join(urls[:3])}\nb,{'|'.join(urls[3:5])}\nc,{urls[5]}\n")
    options = {"allow_private_hosts": True, "out": "c"}
    fz.ingest("t.csv", **options)
    assert shop.asked() == dict.fromkeys("pqrstu", False)
    fz.extract("c", encoders=["efficientnet-lite0"], images="mean", out="f")
    shop.colors["q"], shop.sent = "cyan", 0
    made = fz.ingest("t.csv", update=True, **options)
    assert shop.asked() == dict.fromkeys("pqrstu", True)
    assert shop.sent == 1
    assert (made.manifest.update.picture, made.manifest.update.unchanged) == (1, 2)
    assert found(made) == {"a": ["red", "cyan", "lime"], "b": ["navy", "gold"], "c": ["pink"]}
    features = fz.extract("c", encoders=["efficientnet-lite0"], images="mean", out="f", update=True)
    assert features.manifest.update.encoded == {"efficientnet-lite0_image": 1}


def test_killed_each_picture_is_fetched_once_and_the_data_are_the_same(tmp_path):
    with faults(hosts=4) as site:
        addresses = [site.address("plain" if n % 5 else "late", n, host=n) for n in range(180)]
        items = [addresses[start : start + 3] for start in range(0, 180, 3)]
        path, out = tmp_path / "items.csv", tmp_path / "killed"
        path.write_text("id,image\n" + "".join(f"i{n},{'|'.join(few)}\n" for n, few in enumerate(items)))
        killed = [killed_at(site, ingest(path, out), moment, signal.SIGKILL) for moment in (40, 110)]
        last = ingest(path, out)
        _, told = last.communicate(timeout=240)
        assert last.returncode == 0, told
        hits = site.counts().hits
        whole = ingest(path, tmp_path / "whole")
        whole.communicate(timeout=240)
    assert any(killed)
    assert 180 <= hits.total() <= 180 + sum(killed) * 4 * AT_ONCE  # what was in flight, and being looked at
    made = Catalog.open(out)
    assert made.manifest.data_sha256 == Catalog.open(tmp_path / "whole").manifest.data_sha256
    assert made.manifest.images.model_dump() == {"items": 60, "further": {"ok": 120}}
    assert pq.read_table(out / "fetches").num_rows == 180
    assert all([status for status, _ in outcomes(row)] == ["ok"] * 3 for row in rows(made).values())


NAMES = st.text(st.characters(whitelist_categories=["Ll", "Nd"]), min_size=1, max_size=8).map(
    lambda name: f"{name}.jpg"
)


@given(st.lists(NAMES, min_size=2, max_size=6), st.sampled_from(["|", ", ", " | ", ";", "json", "list"]))
def test_pictures_written_into_one_cell_are_read_back_in_order(names, how):
    cell = {"json": json.dumps(names), "list": names}.get(how, how.join(names))
    assert [ref.path.name for ref in as_images(cell, Path("pictures"))] == names


@given(
    st.lists(st.integers(0, 99), min_size=2, max_size=6), st.sampled_from(["|", ",", " ", "\n", "; ", "json"])
)
def test_addresses_written_into_one_cell_are_read_back_in_order(numbers, how):
    urls = [f"https://shop.example/{number}.jpg?w=1,2&h=3" for number in numbers]
    cell = json.dumps(urls) if how == "json" else how.join(urls)
    assert [ref.url for ref in as_images(cell, None)] == urls
