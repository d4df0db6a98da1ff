import csv
import hashlib
import io
import os
import sys
from contextlib import contextmanager

import pyarrow.parquet as pq
import pytest
from PIL import Image

from featurizer.catalog.column_names import ColumnNames
from featurizer.catalog.folder import FolderSource
from featurizer.catalog.images import ImageFetcher
from featurizer.catalog.images.local import confined, read_local
from featurizer.catalog.ingest import ingest
from featurizer.catalog.table import TableSource
from featurizer.records import ImageRef

_opened = None


def _note(event, arguments):
    if event == "open" and _opened is not None and isinstance(arguments[0], str | bytes | os.PathLike):
        _opened.append(os.fsdecode(arguments[0]))


sys.addaudithook(_note)  # Python's own account of what is opened; it stays for the life of the process


@contextmanager
def opens():
    """Collect the path of every file that Python opens."""
    global _opened
    _opened = paths = []
    try:
        yield paths
    finally:
        _opened = None


def picture(color):
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), color).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def places(tmp_path):
    """A table's folder with a picture of its own, another folder with one, and ways out of the first."""
    own, foreign = tmp_path / "shop", tmp_path / "foreign"
    for folder, color in (
        (own, "blue"),
        (foreign, "red"),
        (own / "sub", "blue"),
        (tmp_path / "shop2", "red"),
    ):
        folder.mkdir()
        (folder / "a.png").write_bytes(picture(color))
    (own / "file_link.png").symlink_to(foreign / "a.png")
    (own / "relative_link.png").symlink_to("../foreign/a.png")
    (own / "folder_link").symlink_to(foreign, target_is_directory=True)
    (own / "far_link.png").symlink_to("folder_link/a.png")
    (own / "environ.png").symlink_to("/proc/self/environ")
    (own / "root").symlink_to("/", target_is_directory=True)
    (own / "zero.png").symlink_to("/dev/zero")
    os.mkfifo(own / "pipe.png")
    (own / "loop.png").symlink_to("loop.png")
    return own, foreign


def tricks(own, foreign):
    """Ways to name what no table may, each with its reason."""
    secret, forbidden = foreign / "a.png", "forbidden_path"
    return {
        "../foreign/a.png": forbidden,
        "sub/../../foreign/a.png": forbidden,
        "./././../foreign/a.png": forbidden,
        "sub//..//../foreign//a.png": forbidden,
        "../shop2/a.png": forbidden,
        f"{secret}": forbidden,
        f"{own}/../foreign/a.png": forbidden,
        f"//127.0.0.1{secret}": "forbidden_host",  # an address without its scheme
        f"///{secret}": forbidden,
        f"{secret.as_uri()}": forbidden,
        f"FILE://{secret}": forbidden,
        f"file:{secret}": forbidden,
        f"file://localhost{secret}": forbidden,
        f"  file://{own}/%2e%2e/foreign/a.png": forbidden,
        f"file://{own}/..%2fforeign%2fa.png": forbidden,
        "file:///etc/passwd": forbidden,
        "/etc/passwd": forbidden,
        "../../../../../../../../etc/passwd": forbidden,
        "/proc/self/environ": forbidden,
        f"/proc/self/root{secret}": forbidden,
        f"root{secret}": forbidden,
        "root/etc/passwd": forbidden,
        "/dev/zero": forbidden,
        "zero.png": forbidden,
        "environ.png": forbidden,
        "file_link.png": forbidden,
        "relative_link.png": forbidden,
        "folder_link/a.png": forbidden,
        "far_link.png": forbidden,
        "folder_link/../shop2/a.png": forbidden,
        f'["{secret}"]': forbidden,
        f"file://elsewhere{secret}": "bad_url",
        f"file://127.0.0.1{secret}": "bad_url",
        f"smb://elsewhere{secret}": "bad_url",
        f"zip://{secret}": "bad_url",
        "\\\\elsewhere\\share\\a.png": "ok",  # of a path of Windows the name, in the folder that was named
        "..\\foreign\\a.png": forbidden,
        "%2e%2e/foreign/a.png": "missing_file",
        "．．/foreign/a.png": "missing_file",
        "..\u2215foreign\u2215a.png": "missing_file",
        "~/a.png": "missing_file",
        "$HOME/a.png": "missing_file",
        "A.PNG": "missing_file",
        "a.png/../a.png": "ok",  # of a file's folder, as the system reads it after the links
        "loop.png": "unreadable_file",
        "pipe.png": "unreadable_file",
        "sub": "unreadable_file",
        "a.png": "ok",
        "sub/../a.png": "ok",
        f"{own}/sub/a.png": "ok",
    }


def rows(source, out):
    with ImageFetcher() as fetcher:
        made = ingest(source, out, fetcher=fetcher)
    return [row for path in made.parts for row in pq.read_table(path).to_pylist()]


def test_no_trick_of_a_table_reads_a_byte_of_a_foreign_file(places, tmp_path):
    own, foreign = places
    asked = tricks(own, foreign)
    assert sum(reason != "ok" for reason in asked.values()) >= 20
    with (own / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "image"), *enumerate(asked)])
    with opens() as paths:
        found = rows(TableSource(own / "t.csv", ColumnNames()), tmp_path / "catalog")
    assert {told: row["image_status"] for told, row in zip(asked, found, strict=True)} == asked
    read = {os.path.realpath(path) for path in paths}
    assert str(own / "a.png") in read
    assert not {path for path in read if path.endswith(".png")} - {str(own / "a.png"), str(own / "sub/a.png")}
    assert not read & {"/etc/passwd", "/dev/zero", f"/proc/{os.getpid()}/environ"}
    secret = picture("red")
    assert hashlib.sha256(secret).hexdigest() not in {row["image_sha256"] for row in found}
    parts = [part for part in (tmp_path / "catalog").rglob("*") if part.is_file()]
    assert parts
    assert not [part for part in parts if secret in part.read_bytes()]


def test_a_link_out_of_a_folder_of_pictures_is_refused_unless_that_folder_is_named(places, tmp_path):
    own, foreign = places
    (own / "loop.png").unlink()
    (own / "pipe.png").unlink()
    leads_out = {"file_link", "relative_link", "far_link"}
    for images, reason in ((None, "forbidden_path"), (foreign, "ok")):
        found = rows(FolderSource(own, images), tmp_path / f"catalog-{reason}")
        statuses = {row["item_id"]: row["image_status"] for row in found}
        assert statuses == {
            **dict.fromkeys(leads_out, reason),
            **dict.fromkeys(("environ", "zero"), "forbidden_path"),
            **dict.fromkeys(("a", "sub/a"), "ok"),
        }


def test_a_link_out_of_the_folder_that_items_name_their_pictures_in_is_refused(places, tmp_path):
    own, _ = places
    (tmp_path / "t.csv").write_text("id\nfile_link\nsub/a\n")
    found = rows(TableSource(tmp_path / "t.csv", ColumnNames(), images=own), tmp_path / "catalog")
    assert [row["image_status"] for row in found] == ["forbidden_path", "ok"]


def test_what_becomes_a_link_after_it_was_allowed_is_not_followed(places):
    own, foreign = places
    ref = confined(ImageRef(path=own / "a.png"), own)
    assert (ref.path, ref.folder) == (own / "a.png", own)
    (own / "a.png").unlink()
    (own / "a.png").symlink_to(foreign / "a.png")
    with opens() as paths, ImageFetcher() as fetcher:
        assert [image.status for image in fetcher.fetch([ref])] == ["forbidden_path"]
    assert not [path for path in paths if path.endswith("a.png")]


def test_what_becomes_a_link_while_it_is_looked_at_is_not_followed(places, monkeypatch):
    own, foreign = places
    open_ = os.open

    def swapped(path, flags):
        (own / "a.png").unlink()
        (own / "a.png").symlink_to(foreign / "a.png")
        return open_(path, flags)

    monkeypatch.setattr(os, "open", swapped)
    assert read_local(own / "a.png", max_bytes=10_000, folder=own) == ("unreadable_file", b"")


def test_a_folder_that_becomes_a_link_while_a_file_in_it_is_looked_at_is_not_followed(places, monkeypatch):
    own, foreign = places
    open_ = os.open

    def swapped(path, flags, **options):
        if str(path) == str(own / "sub/a.png"):
            (own / "sub").rename(own / "elsewhere")
            (own / "sub").symlink_to(foreign, target_is_directory=True)
        return open_(path, flags, **options)

    def swapped_back(path, flags, **options):
        opened = swapped(path, flags, **options)
        if str(path) == str(own / "sub/a.png"):
            (own / "sub").unlink()
            (own / "elsewhere").rename(own / "sub")
        return opened

    for swap in (swapped_back, swapped):
        monkeypatch.setattr(os, "open", swap)
        assert read_local(own / "sub/a.png", max_bytes=10_000, folder=own) == ("forbidden_path", b"")


def test_a_file_that_grows_while_it_is_read_is_too_large(places, monkeypatch):
    own, _ = places
    size = (own / "a.png").stat().st_size
    found = os.fstat

    def shorter(number):
        told = found(number)
        return os.stat_result((*told[:6], 1, *told[7:10]))

    monkeypatch.setattr(os, "fstat", shorter)
    assert read_local(own / "a.png", max_bytes=size - 1, folder=own) == ("too_large", b"")


def test_an_address_of_a_file_that_no_source_has_allowed_is_not_read(places):
    own, _ = places
    with opens() as paths, ImageFetcher() as fetcher:
        images = fetcher.fetch([ImageRef(url=(own / "a.png").as_uri())])
    assert [image.status for image in images] == ["forbidden_path"]
    assert not [path for path in paths if path.endswith("a.png")]


def test_a_path_that_a_person_names_leads_where_it_leads(places):
    own, _ = places
    with ImageFetcher() as fetcher:
        assert fetcher.fetch([ImageRef(path=own / "file_link.png")])[0].data == picture("red")
