"""Folders as people have them: links that lead nowhere, names of any bytes, the same name twice."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

from featurizer.catalog.column_names import ColumnNames
from featurizer.catalog.folder import FolderSource
from featurizer.catalog.images import ImageFetcher
from featurizer.catalog.ingest import ingest
from featurizer.catalog.table import TableSource


def picture(path, color="red"):
    path = Path(os.fsdecode(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 3), color).save(path, "PNG")


def table(folder, *ids):
    (folder / "items.csv").write_text("id,title\n" + "".join(f"{item},Cup\n" for item in ids))
    return TableSource(folder / "items.csv", ColumnNames(), images=folder / "pics")


def rows(source, out):
    with ImageFetcher() as fetcher:
        made = ingest(source, out, fetcher=fetcher)
    found = [row for path in made.parts for row in pq.read_table(path).to_pylist()]
    return made, {row["item_id"]: row for row in found}


@pytest.fixture
def pics(tmp_path):
    """A good picture, links to nowhere and in a ring, a link to a folder, and a name that is Latin-1."""
    folder = tmp_path / "pics"
    picture(folder / "a.png")
    (folder / "b.png").symlink_to("nowhere.png")
    (folder / "c.png").symlink_to("c.png")
    (folder / "shelf").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (folder / "round").symlink_to(folder, target_is_directory=True)
    picture(tmp_path / "elsewhere" / "d.png")
    picture(os.fsencode(folder) + b"/caf\xe9.png")
    return folder


def test_a_folder_with_such_names_gives_a_row_each(tmp_path, pics):
    made, found = rows(FolderSource(pics), tmp_path / "c")
    statuses = {item: row["image_status"] for item, row in found.items()}
    assert statuses == {"a": "ok", "b": "missing_file", "c": "unreadable_file", "caf\\xe9": "ok"}
    assert found["caf\\xe9"]["image"]["path"] == "caf\\xe9.png"
    assert made.manifest.notes == {"ignored_linked_folders": 2, "names_not_utf8": 1}


def test_a_table_takes_its_pictures_from_such_a_folder(tmp_path, pics):
    _, found = rows(table(tmp_path, "a", "b", "c", "caf\\xe9", "d"), tmp_path / "c")
    statuses = {item: row["image_status"] for item, row in found.items()}
    assert statuses == {
        "a": "ok", "b": "missing_file", "c": "unreadable_file", "caf\\xe9": "ok", "d": "none",
    }  # fmt: skip


def test_links_that_no_item_names_do_no_harm(tmp_path, pics):
    _, found = rows(table(tmp_path, "a"), tmp_path / "c")
    assert found["a"]["image_status"] == "ok"


def test_of_pictures_of_one_name_the_first_is_taken_and_that_is_said(tmp_path, caplog):
    for name in (
        "back/101.png",
        "front/101.png",
        "front/102.png",
        "103.png",
        "small/103.png",
        "104.jpg",
        "104.png",
    ):
        picture(tmp_path / "pics" / name)
    made, found = rows(table(tmp_path, "101", "102", "103", "104"), tmp_path / "c")
    assert [row["image"]["path"] for row in found.values()] == ["101.png", "102.png", "103.png", "104.jpg"]
    assert "2 items have several pictures of their name" in caplog.text
    assert "101: back/101.png, front/101.png; the first is taken" in caplog.text
    assert made.manifest.notes == {"items_with_several_pictures": 2}


@pytest.mark.parametrize("suffix", ["", ".png"])
def test_an_id_that_is_a_path_below_the_folder_finds_that_picture(tmp_path, caplog, suffix):
    picture(tmp_path / "pics/back/101.png", "blue")
    picture(tmp_path / "pics/front/101.png", "red")
    source = table(tmp_path, f"front/101{suffix}", f"back/101{suffix}")
    found = [item.image.path.parent.name for item in source]
    assert found == ["front", "back"]
    assert "several pictures" not in caplog.text


def test_a_picture_called_in_letters_taken_apart_is_found_by_the_composed_id(tmp_path):
    picture(tmp_path / "pics/cafe\u0301.png")
    (item,) = table(tmp_path, "caf\u00e9")
    assert item.image.path is not None
    assert [item.item_id for item in FolderSource(tmp_path / "pics")] == ["caf\u00e9"]


def test_another_picture_of_a_name_makes_another_source(tmp_path):
    picture(tmp_path / "pics/back/101.png")
    before = table(tmp_path, "101").identity
    picture(tmp_path / "pics/front/101.png")
    assert table(tmp_path, "101").identity != before
