"""Cells of pictures as exports write them."""

from __future__ import annotations

import base64
import io
from urllib.parse import quote_from_bytes

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import featurizer as fz
from featurizer.catalog.columns import as_images
from featurizer.catalog.open_source import open_source
from featurizer.catalog.picture_cells import several
from featurizer.records import ImageRef
from tests.support.program import run_program


def png():
    buffer = io.BytesIO()
    Image.new("RGB", (12, 9), "red").save(buffer, "PNG")
    return buffer.getvalue()


CLOUD = "https://res.cloudinary.com/x/image/upload/w_200,h_100,c_fill/a.jpg"


@pytest.mark.parametrize(
    ("cell", "parts"),
    [
        ("a.jpg", ["a.jpg"]),
        ("a.jpg|b.png", ["a.jpg", "b.png"]),
        ("a.jpg | sub/b.png |", ["a.jpg", "sub/b.png"]),
        ("a.jpg, b.jpg", ["a.jpg", "b.jpg"]),
        ("a.jpg;b.WEBP", ["a.jpg", "b.WEBP"]),
        ("red, large.jpg", ["red, large.jpg"]),
        ("https://x/a.jpg, https://x/b.jpg", ["https://x/a.jpg", "https://x/b.jpg"]),
        ("https://x/a.jpg https://x/b.jpg", ["https://x/a.jpg", "https://x/b.jpg"]),
        ("https://x/a.jpg\nhttps://x/b.jpg\n", ["https://x/a.jpg", "https://x/b.jpg"]),
        ("//cdn/a.jpg;//cdn/b.jpg", ["//cdn/a.jpg", "//cdn/b.jpg"]),
        (CLOUD, [CLOUD]),
        (f"{CLOUD},{CLOUD}", [CLOUD, CLOUD]),
        ("https://x/a.jpg?b=1;c=2,3", ["https://x/a.jpg?b=1;c=2,3"]),
        ("data:image/png;base64,AAAA,BB|C", ["data:image/png;base64,AAAA,BB|C"]),
    ],
)
def test_a_cell_is_divided_where_pictures_end(cell, parts):
    assert several(cell) == parts


@given(st.text())
def test_any_text_is_one_picture_or_more_and_never_an_error(text):
    parts = several(text)
    assert parts
    assert all(isinstance(ref, ImageRef) for ref in as_images(text, None))


def test_each_form_of_a_cell_brings_its_picture(tmp_path):
    pics, data = tmp_path / "pics", png()
    (pics / "shop").mkdir(parents=True)
    (pics / "shop" / "a.png").write_bytes(data)
    (pics / "b c.png").write_bytes(data)
    packed = base64.b64encode(data).decode()
    cells = {
        "relative": "shop/a.png",
        "windows, relative": r"shop\a.png",
        "windows, absolute": r"C:\Users\me\shop\a.png",
        "unc": r"\\server\share\shop\a.png",
        "unc, the name alone": r"\\server\share\b c.png",
        "several": "shop/a.png|b c.png",
        "several names": "shop/a.png, b c.png",
        "json": '["shop/a.png", "b c.png"]',
        "objects": '[{"src": "shop/a.png"}]',
        "data": f"data:image/png;base64,{packed}",
        "data, percent": f"data:image/png,{quote_from_bytes(data)}",
        "base64": packed,
        "base64, broken": packed[:90] + "=" + packed[90:],
        "windows, gone": r"C:\shop\none.png",
        "windows, out": r"..\..\etc\passwd",
        "protocol": "//127.0.0.1:9/a.png",
    }
    pl.DataFrame({"id": [*cells], "image": [*cells.values()]}).write_csv(tmp_path / "t.csv")
    made = fz.ingest(tmp_path / "t.csv", images=pics, out=tmp_path / "c", max_failures=9)
    assert made.manifest.images.model_dump() == {"items": 3, "further": {"repeated": 3}}
    assert made.manifest.notes == {}
    status = dict(
        zip(made.column("item_id").to_pylist(), made.column("image_status").to_pylist(), strict=True)
    )
    failed = {name: reason for name, reason in status.items() if reason != "ok"}
    assert failed == {
        "base64, broken": "missing_file",
        "windows, gone": "missing_file",
        "windows, out": "forbidden_path",
        "protocol": "forbidden_host",
    }


def test_the_forms_of_an_address():
    assert as_images("//cdn.example.org/a.jpg", None)[0].url == "https://cdn.example.org/a.jpg"
    assert as_images("s3://bucket/a.jpg", None)[0].url == "s3://bucket/a.jpg"
    assert as_images("data:image/gif;base64,R0lGODlhAQABAAAAACw=", None)[0].data == base64.b64decode(
        "R0lGODlhAQABAAAAACw="
    )
    assert as_images("data:image/png;base64,%%%", None)[0].data == b""


@pytest.mark.parametrize("scheme", ["s3", "S3", "gs", "az", "abfss", "hf"])
def test_an_address_of_an_object_store_is_the_copy_below_the_folder_or_refused_with_what_to_do(
    tmp_path, scheme, monkeypatch, capsys
):
    (tmp_path / "copy" / "shoes").mkdir(parents=True)
    (tmp_path / "copy" / "shoes" / "a.png").write_bytes(png())
    (tmp_path / "secret.png").write_bytes(png())
    cells = ["shop/shoes/a.png", "shop/shoes/b.png", "shop/../../secret.png"]
    rows = [f"{number},{scheme}://{cell}\n" for number, cell in enumerate(cells)]
    (tmp_path / "t.csv").write_text("id,image\n" + "".join(rows))
    made = fz.ingest(tmp_path / "t.csv", images=tmp_path / "copy", out=tmp_path / "c")
    assert made.column("image_status").to_pylist() == ["ok", "unsupported_scheme", "forbidden_path"]
    assert made.column("image_url").to_pylist()[:2] == ["shoes/a.png", f"{scheme}://shop/shoes/b.png"]
    (tmp_path / "t.csv").write_text("id,image\n" + rows[1])
    code, said, _ = run_program(monkeypatch, capsys, "ingest", tmp_path / "t.csv", "--out", tmp_path / "d")
    assert code == 3
    assert "what to do: sign the addresses (aws s3 presign" in said


def test_another_copy_of_an_object_store_is_another_source(tmp_path):
    (tmp_path / "a.png").write_bytes(png())
    (tmp_path / "t.csv").write_text("id,image\n1,s3://shop/a.png\n")
    before = open_source(str(tmp_path / "t.csv")).identity
    (tmp_path / "a.png").write_bytes(png() + b"more")
    assert open_source(str(tmp_path / "t.csv")).identity != before
