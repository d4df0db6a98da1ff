import csv
import gzip
import json
import re
from collections import Counter
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from featurizer.catalog.sample import META, REVIEWS, write_sample
from featurizer.catalog.sample.defects import PICTURE_DEFECTS, UNREADABLE, WORD_DEFECTS
from featurizer.catalog.sample.oracle import SPACES
from featurizer.catalog.sample.traits import COLORS, KINDS, MAKES, PATTERNS, USES
from featurizer.catalog.sample.users import LIKES, START_MS
from featurizer.catalog.sample.write import IMAGES, ORACLE, TRAITS
from featurizer.errors import InputError, OutputError

VISIBLE_ONLY = re.compile(
    r"\b(red|orange|yellow|green|teal|blue|purple|pink|black|white|gray|gray|brown|gold|navy|rose|turquoise"
    r"|colou?r\w*|plain|strip(e|es|ed|y)|dot(s|ted)?|polka|check(s|ed|ered)?|plaid|zig-?zag|chevron"
    r"|flowers?|floral|pattern\w*)\b",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, items=120, users=60, seed=7)
    return folder


@pytest.fixture(scope="module")
def meta(files) -> list[dict]:
    with gzip.open(files / META, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def reviews(files) -> list[dict]:
    with gzip.open(files / REVIEWS, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def traits(files) -> list[dict]:
    with (files / TRAITS).open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def folder_bytes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def image_path(line: dict) -> Path | None:
    images = line["images"]
    urls = images["large"] if isinstance(images, dict) else [image["large"] for image in images]
    return Path(urlparse(urls[0]).path) if urls else None


def planted(traits: list[dict], meta: list[dict], defect: str) -> list[dict]:
    return [line for line, row in zip(meta, traits, strict=True) if row["defect"] == defect]


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    write_sample(tmp_path, items=50, users=5, seed=3)
    before = folder_bytes(tmp_path)
    write_sample(tmp_path, items=50, users=5, seed=3)
    assert folder_bytes(tmp_path) == before


def test_another_folder_changes_nothing_but_the_picture_addresses(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        write_sample(folder, items=50, users=5, seed=3)
    assert folder_bytes(one / IMAGES) == folder_bytes(two / IMAGES)
    assert (one / ORACLE).read_bytes() == (two / ORACLE).read_bytes()
    assert (one / REVIEWS).read_bytes() == (two / REVIEWS).read_bytes()
    lines = gzip.decompress((one / META).read_bytes()).decode()
    assert lines.replace(f"{tmp_path}/one", f"{tmp_path}/two").encode() == gzip.decompress(
        (two / META).read_bytes()
    )


def test_another_seed_gives_other_items_and_reviews(files, tmp_path):
    write_sample(tmp_path, items=120, users=60, seed=8)
    assert (tmp_path / META).read_bytes() != (files / META).read_bytes()
    assert (tmp_path / REVIEWS).read_bytes() != (files / REVIEWS).read_bytes()
    assert (tmp_path / ORACLE).read_bytes() != (files / ORACLE).read_bytes()


def test_there_are_as_many_items_and_users_as_were_asked_for(meta, reviews, traits):
    assert len(meta) == len(traits) == len({line["parent_asin"] for line in meta}) == 120
    assert len({line["user_id"] for line in reviews}) == 60
    assert [line["parent_asin"] for line in meta] == [row["item_id"] for row in traits]


def test_every_item_but_two_has_its_picture_file(files):
    assert len(list((files / IMAGES).iterdir())) == 120 - 2


def test_metadata_lines_have_the_fields_of_amazon_2023(meta):
    for line in meta:
        assert re.fullmatch(r"B0[0-9A-Z]{8}", line["parent_asin"])
        assert isinstance(line["title"], str)
        assert all(isinstance(line[key], list) for key in ("categories", "description", "features", "videos"))
    assert Counter(type(line["images"]) for line in meta).keys() == {list, dict}
    assert Counter(type(line["details"]) for line in meta).keys() == {dict, str}
    assert all(
        isinstance(json.loads(line["details"]), dict) for line in meta if isinstance(line["details"], str)
    )


def test_image_lists_and_dicts_of_lists_hold_the_same_keys(meta):
    for line in meta:
        images = line["images"]
        for keys in [images.keys()] if isinstance(images, dict) else [image.keys() for image in images]:
            assert keys == {"thumb", "large", "variant", "hi_res"}


def test_review_lines_have_the_fields_of_amazon_2023(reviews):
    for line in reviews:
        assert line["rating"] in (1.0, 2.0, 3.0, 4.0, 5.0)
        assert isinstance(line["timestamp"], int)
        assert line["timestamp"] >= START_MS
        assert line["title"]
        assert line["text"]
    assert any(line["asin"] != line["parent_asin"] for line in reviews)


def test_reviews_name_items_that_exist(meta, reviews):
    assert {line["parent_asin"] for line in reviews} <= {line["parent_asin"] for line in meta}


def test_every_planted_defect_is_recorded(traits):
    counts = Counter(row["defect"] for row in traits)
    assert counts.keys() - {""} == PICTURE_DEFECTS.keys() | WORD_DEFECTS.keys()
    assert all(counts[name] == 1 for name in PICTURE_DEFECTS)
    assert all(counts[name] == 2 for name in WORD_DEFECTS)


@pytest.mark.parametrize(
    "defect", [name for name in UNREADABLE if name not in ("no_image", "placeholder_gif")]
)
def test_a_picture_recorded_as_unreadable_does_not_decode(traits, meta, defect):
    [line] = planted(traits, meta, defect)
    with pytest.raises(OSError), Image.open(image_path(line)) as image:
        image.load()


def test_only_unreadable_pictures_fail_to_decode_at_full_size(traits, meta):
    for line, row in zip(meta, traits, strict=True):
        if row["defect"] not in UNREADABLE:
            with Image.open(image_path(line)) as image:
                image.load()
                assert image.size == (256, 256)


def test_the_item_without_a_picture_lists_none(traits, meta):
    [line] = planted(traits, meta, "no_image")
    assert image_path(line) is None


@pytest.mark.parametrize(
    ("defect", "form", "mode"),
    [
        ("placeholder_gif", "GIF", "P"),
        ("cmyk_jpeg", "JPEG", "CMYK"),
        ("png_16_bit", "PNG", "I;16"),
        ("palette_png", "PNG", "P"),
        ("exif_rotated", "JPEG", "RGB"),
        ("animated_gif", "GIF", "P"),
        ("png_named_jpg", "PNG", "RGB"),
    ],
)
def test_odd_pictures_are_of_the_recorded_kind(traits, meta, defect, form, mode):
    [line] = planted(traits, meta, defect)
    with Image.open(image_path(line)) as image:
        assert (image.format, image.mode) == (form, mode)


def test_odd_pictures_have_the_recorded_particulars(traits, meta):
    def opened(defect):
        [line] = planted(traits, meta, defect)
        return Image.open(image_path(line))

    with opened("placeholder_gif") as image:
        assert image.size == (1, 1)
    with opened("palette_png") as image:
        assert "transparency" in image.info
    with opened("exif_rotated") as image:
        assert image.getexif()[0x0112] == 6
    with opened("animated_gif") as image:
        assert image.n_frames == 2


def test_flawed_words_are_of_the_recorded_kind(traits, meta):
    for line in planted(traits, meta, "no_title"):
        assert line["title"] == ""
        assert line["description"]
    assert all(line["description"] == [] for line in planted(traits, meta, "no_description"))
    for line in planted(traits, meta, "no_text"):
        assert not any(line[key] for key in ("title", "description", "store", "categories", "features"))
    assert all("&reg;" in line["title"] for line in planted(traits, meta, "entities"))
    assert all("&#x92;" in line["description"][-1] for line in planted(traits, meta, "entities"))
    assert all("<ul><li>" in line["description"][-1] for line in planted(traits, meta, "markup"))
    assert all("<style>" in line["description"][-1] for line in planted(traits, meta, "style_sheet"))
    assert all(not line["title"].isascii() for line in planted(traits, meta, "non_ascii"))


def test_what_only_the_picture_shows_is_named_in_no_text(meta, reviews):
    for line in meta:
        words = {key: value for key, value in line.items() if key != "images"}
        assert not VISIBLE_ONLY.search(json.dumps(words, ensure_ascii=False))
    for line in reviews:
        assert not VISIBLE_ONLY.search(f"{line['title']} {line['text']}")


def test_the_trait_names_are_among_the_words_that_the_text_must_not_hold():
    assert all(VISIBLE_ONLY.search(word) for word in (*COLORS, *PATTERNS))


def test_oracle_rows_equal_the_traits_times_their_weights(files, traits):
    table = pq.read_table(files / ORACLE)
    values = {"kind": KINDS, "color": COLORS, "pattern": PATTERNS, "use": USES, "make": MAKES}
    assert table["item_id"].to_pylist() == [row["item_id"] for row in traits]
    for space, names in SPACES.items():
        expected = [
            [LIKES[name][1] ** 0.5 * (row[name] == value) for name in names for value in values[name]]
            for row in traits
        ]
        np.testing.assert_allclose(table[space].to_pylist(), expected, rtol=1e-6)
        assert str(table.schema.field(space).type).startswith("fixed_size_list<")
        assert table.schema.field(space).type.value_type == "float"


def test_too_few_items_are_refused_with_the_least_number(tmp_path):
    with pytest.raises(InputError, match="at least 50 items"):
        write_sample(tmp_path, items=10)


def test_a_folder_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="could not write"):
        write_sample(tmp_path / "file", items=50, users=2)
