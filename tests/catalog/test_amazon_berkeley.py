import gzip
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from featurizer.catalog.amazon_berkeley import addresses, in_one_language
from featurizer.catalog.amazon_berkeley import source as berkeley
from featurizer.catalog.datasets import DatasetEntry, load_datasets
from featurizer.catalog.store import Catalog
from featurizer.errors import InputError
from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.release.card import render_card
from tests.servers import answer, ranged, serve
from tests.support.program import run_program

NAME = "amazon-berkeley-objects"
HOST = "https://amazon-berkeley-objects.s3.us-east-1.amazonaws.com"
CHAIR = {
    "brand": [{"language_tag": "de_DE", "value": "Rivet"}, {"language_tag": "en_GB", "value": "Rivet UK"}],
    "bullet_point": [
        {"language_tag": "de_DE", "value": "Bezug aus Samt"},
        {"language_tag": "en_GB", "value": "Velvet cover"},
        {"language_tag": "en_GB", "value": "Legs of solid oak"},
    ],
    "color": [{"language_tag": "en_GB", "standardized_values": ["Blue"], "value": "Navy"}],
    "product_description": [{"language_tag": "en_GB", "value": "<p>A chair</p>"}],
    "item_name": [
        {"language_tag": "de_DE", "value": "Sessel aus Samt"},
        {"language_tag": "en_GB", "value": "Velvet armchair"},
    ],
    "item_weight": [{"normalized_value": {"unit": "pounds", "value": 46.7}, "unit": "pounds", "value": 46.7}],
    "main_image_id": "11Y+Xpt1lfL",
    "other_image_id": ["11rL64ZLPYL"],
    "model_year": [{"value": 2017}],
    "product_type": [{"value": "CHAIR"}],
    "item_id": "B075X4QMX3",
    "country": "GB",
    "marketplace": "Amazon",
    "domain_name": "amazon.co.uk",
    "node": [
        {"node_id": 3733671, "node_name": "/Categories/Living Room/Armchairs"},
        {"node_id": 1, "node_name": "/Other"},
    ],
}
GERMAN = {
    "item_name": [{"language_tag": "de_DE", "value": "Sessel aus Samt"}],
    "bullet_point": [{"language_tag": "de_DE", "value": "Bezug aus Samt"}],
    "main_image_id": "11Y+Xpt1lfL",
    "product_type": "CHAIR",
    "item_id": "B075X4QMX3",
    "domain_name": "amazon.de",
    "node": [{"node_id": 7, "path": "/Kategorien/Sessel"}],
}
BARE = {"item_id": "B07P8ML82R", "domain_name": "amazon.com", "product_type": [{"value": "HARDWARE"}]}
UNKNOWN_PICTURE = {**BARE, "item_id": "B000000001", "main_image_id": "not-in-the-table"}
IMAGES = (
    "image_id,height,width,path\n11Y+Xpt1lfL,103,196,99/9987a1c8.jpg\n11rL64ZLPYL,64,500,89/89a2ff4d.jpg\n"
)


def line(**row):
    return berkeley.item(json.dumps(row))


def test_a_listing_is_told_by_item_and_domain_and_read_in_english_where_it_can():
    record = line(**CHAIR)
    assert record.item_id == "B075X4QMX3@amazon.co.uk"
    assert (record.title, record.brand) == ("Velvet armchair", "Rivet UK")
    assert record.description == "<p>A chair</p> Velvet cover Legs of solid oak"
    assert record.categories == ("Categories", "Living Room", "Armchairs")
    assert [image.url for image in record.images] == ["11Y+Xpt1lfL", "11rL64ZLPYL"]
    assert record.extra["color"] == "Navy"
    assert record.extra["product_type"] == "CHAIR"
    assert record.extra["item_id"] == "B075X4QMX3"
    assert record.extra["other_image_id"] == ["11rL64ZLPYL"]
    assert record.extra["item_weight"] == CHAIR["item_weight"]


def test_the_same_item_of_another_marketplace_is_another_item_in_its_language():
    record = line(**GERMAN)
    assert (record.item_id, record.title) == ("B075X4QMX3@amazon.de", "Sessel aus Samt")
    assert record.categories == ("Kategorien", "Sessel")


def test_an_item_without_nodes_has_its_product_type_as_category():
    record = line(**BARE)
    assert (record.title, record.categories, record.image.url) == (None, ("HARDWARE",), None)


@pytest.mark.parametrize(
    ("tags", "chosen"),
    [
        (["de_DE", "en_IN", "en_US"], "en_US"),
        (["de_DE", "en_IN"], "en_IN"),
        (["fr_FR", "de_DE"], "fr_FR"),
        (["zh_CN", None], "zh_CN"),
        ([None], "any"),
    ],
)
def test_one_language_is_taken_american_english_first(tags, chosen):
    parts = [{"value": tag or "any", **({} if tag is None else {"language_tag": tag})} for tag in tags]
    assert in_one_language(parts) == chosen


@pytest.mark.parametrize("row", [{"item_id": "B1"}, {"domain_name": "amazon.com"}, {}])
def test_a_listing_without_its_two_keys_is_counted_as_broken(row):
    with pytest.raises(ValueError, match=r"no (item_id|domain_name)"):
        line(**row)


def test_a_table_without_its_columns_is_a_clear_error(tmp_path):
    path = tmp_path / "images.csv.gz"
    path.write_bytes(gzip.compress(b"id,file\n1,2\n"))
    with pytest.raises(InputError, match=r"images\.csv\.gz.*image_id and path.*download it again"):
        addresses(path)


def packed(*rows):
    return ranged(gzip.compress("\n".join(map(json.dumps, rows)).encode()))


@pytest.fixture
def site():
    """Serve what the shipped entry asks for, four listings over two of its sixteen files."""
    with serve() as running:
        for name in "0123456789abcdef":
            running.at(f"/listings/metadata/listings_{name}.json.gz", packed(BARE))
        running.at("/listings/metadata/listings_0.json.gz", packed(CHAIR, BARE))
        running.at("/listings/metadata/listings_f.json.gz", packed(GERMAN, UNKNOWN_PICTURE))
        running.at("/images/metadata/images.csv.gz", ranged(gzip.compress(IMAGES.encode())))
        for path, height in (("99/9987a1c8.jpg", 103), ("89/89a2ff4d.jpg", 64)):
            buffer = io.BytesIO()
            Image.new("RGB", (196, height), (20, 40, 90)).save(buffer, "JPEG")
            running.at(f"/images/small/{path}", answer(buffer.getvalue()))
        yield running


@pytest.fixture
def download(site, monkeypatch, capsys, tmp_path):
    """Call the program on the shipped entry, its host in the place of the true one."""
    shipped = load_datasets()[NAME].model_dump_json()
    entry = DatasetEntry.model_validate_json(shipped.replace(HOST, site.base))
    monkeypatch.setattr("featurizer.catalog.datasets.get_dataset", lambda _: entry)

    def call(*arguments):
        given = ("--out", tmp_path / "c", "--cache", tmp_path / "cache", "--allow-private-hosts")
        return run_program(monkeypatch, capsys, "download", NAME, *given, *arguments)

    return call


def test_the_dataset_becomes_a_catalog_of_its_sixteen_files_without_interactions(
    download, site, tmp_path, caplog
):
    code, results, talk = download("--json")
    assert code == 0, talk
    assert f"{NAME} has 4 items, the manifest expects 147702" in caplog.text
    catalog = Catalog.open(tmp_path / "c")
    items = {row["item_id"]: row for row in catalog.to_polars().to_dicts()}
    assert {item: row["image_status"] for item, row in items.items()} == {
        "B075X4QMX3@amazon.co.uk": "ok",
        "B07P8ML82R@amazon.com": "none",
        "B075X4QMX3@amazon.de": "ok",
        "B000000001@amazon.com": "bad_url",
    }
    assert (
        items["B075X4QMX3@amazon.co.uk"]["text"]
        == "Velvet armchair Rivet UK Categories Living Room Armchairs A chair Velvet cover Legs of solid oak"
    )
    assert items["B075X4QMX3@amazon.co.uk"]["image_url"] == f"{site.base}/images/small/99/9987a1c8.jpg"
    assert items["B075X4QMX3@amazon.de"]["source_item_id"] == "B075X4QMX3"
    assert items["B000000001@amazon.com"]["image_url"] == "not-in-the-table"
    assert json.loads(results)["notes"] == {"repeated_items": 14}
    files = json.loads((tmp_path / "c" / "catalog.json").read_text())["source"]["files"]
    assert (len(files["more_metadata"]), sorted(files)) == (15, ["metadata", "more_metadata", "pictures"])
    assert not (tmp_path / "c" / "interactions.parquet").exists()

    asked = site.hits.total()
    assert download()[0] == 0
    assert site.hits.total() == asked


def test_further_pictures_are_kept_where_that_is_asked(download, site, tmp_path):
    assert download("--max-images", 2)[0] == 0
    rows = Catalog.open(tmp_path / "c").to_polars(["item_id", "image_status", "image_outcomes"])
    items = {row["item_id"]: row for row in rows.to_dicts()}
    named = items["B075X4QMX3@amazon.co.uk"]["image_outcomes"]
    assert [(one["status"], one["url"].removeprefix(site.base)) for one in named] == [
        ("ok", "/images/small/99/9987a1c8.jpg"),
        ("ok", "/images/small/89/89a2ff4d.jpg"),
    ]
    assert items["B075X4QMX3@amazon.de"]["image_status"] == "ok"
    code, _, talk = download()
    assert code == 1
    assert "max_images" in talk


def test_the_card_gives_the_credit_that_the_license_asks_for(download, tmp_path):
    assert download()[0] == 0
    catalog = Catalog.open(tmp_path / "c")
    made = write_arrays(
        tmp_path / "f",
        catalog.column("item_id").to_pylist(),
        [ArraySpace("mine", "image", np.ones((4, 2), np.float32))],
        source=catalog.manifest.source.document(),
    )
    card = render_card(made)
    assert re.search(r"^license: .?cc-by-4\.0.?$", card, re.MULTILINE)
    for credit in (
        "Credit for the data, including all images, to Amazon.com",
        "Matthieu Guillaumin",
        "licenses/by/4.0",
        "CVPR 2022",
    ):
        assert credit in card


@pytest.mark.parametrize("options", [("--k-core", "3"), ("--split", "leave-one-out"), ("--all-items",)])
def test_what_is_about_interactions_is_refused_in_a_sentence_before_anything_is_asked(
    options, download, site
):
    code, _, talk = download(*options)
    assert code == 1
    assert f"{NAME} has no interactions, and {options[0]} is about those" in " ".join(talk.split())
    assert not site.hits
