"""Items with several pictures: all are kept in their order, each with its own outcome, each content once."""

import hashlib
import io
from pathlib import Path
from tempfile import TemporaryDirectory

import datasets
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from featurizer.catalog.images import FetchOptions, ImageFetcher
from featurizer.catalog.ingest import ingest
from featurizer.catalog.retry_failed import retry_failed
from featurizer.catalog.schema import CORE
from featurizer.catalog.store import Catalog
from featurizer.catalog.verify import verify_catalog
from featurizer.records import ImageRef, ItemRecord
from tests.servers import answer, in_turn, serve
from tests.support.items import ListSource

LOOPBACK = FetchOptions(allow_private_hosts=True)


def picture(color):
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), color).save(buffer, "PNG")
    return buffer.getvalue()


def item(name, *refs, **fields):
    first, *further = refs or (ImageRef(),)
    return ItemRecord(name, image=first, further=tuple(further), **fields)


def data(color):
    return ImageRef(data=color if isinstance(color, bytes) else picture(color))


def make(records, out, **options):
    with ImageFetcher(LOOPBACK) as fetcher:
        return ingest(ListSource(records), out, fetcher=fetcher, **options)


def rows(catalog):
    return {row["item_id"]: row for part in catalog.parts for row in pq.read_table(part).to_pylist()}


def outcomes(row):
    return [(one["status"], one["sha256"]) for one in row["image_outcomes"]]


def sha(color):
    return hashlib.sha256(color if isinstance(color, bytes) else picture(color)).hexdigest()


@pytest.fixture
def site():
    with serve() as site:
        yield site


def test_every_picture_is_kept_in_order_with_its_outcome_and_each_content_once(tmp_path):
    records = [
        item("many", data("red"), data("blue"), data("red"), data(b"junk"), data("green"), data("blue")),
        item("one", data("red")),
        item("none", title="a cup"),
        item("first fails", data(b"junk"), data("blue"), data("blue")),
    ]
    catalog = make(records, tmp_path / "c", part_rows=3)
    found = rows(catalog)
    many = found["many"]
    assert [one["bytes"] for one in many["images"]] == [picture(color) for color in ("red", "blue", "green")]
    assert outcomes(many) == [
        ("ok", sha("red")), ("ok", sha("blue")), ("repeated", sha("red")), ("not_an_image", sha(b"junk")),
        ("ok", sha("green")), ("repeated", sha("blue")),
    ]  # fmt: skip
    assert many["image"] == many["images"][0]
    assert (many["image_outcomes"][1]["width"], many["image_outcomes"][1]["height"]) == (30, 20)
    assert (found["one"]["images"], found["one"]["image_outcomes"]) == (None, None)
    assert (found["none"]["images"], found["none"]["image_status"]) == (None, "none")
    assert (found["first fails"]["image"], found["first fails"]["image_status"]) == (None, "not_an_image")
    assert [one["bytes"] for one in found["first fails"]["images"]] == [picture("blue")]
    assert catalog.manifest.image_status == {"none": 1, "not_an_image": 1, "ok": 2}
    assert catalog.manifest.images.model_dump() == {
        "items": 2, "further": {"not_an_image": 1, "ok": 3, "repeated": 3},
    }  # fmt: skip
    assert verify_catalog(catalog) == []


def test_the_first_picture_stands_where_it_stood_and_one_picture_an_item_has_no_columns_more(tmp_path):
    alone = make([item("a", data("red")), item("b")], tmp_path / "alone")
    assert not alone.several
    assert alone.schema.names == CORE.names
    assert alone.manifest.images is None
    several = make([item("a", data("red"), data("blue")), item("b")], tmp_path / "several")
    assert several.several
    for name in CORE.names:
        assert pq.read_table(alone.parts[0])[name] == pq.read_table(several.parts[0])[name]


def test_datasets_shows_all_pictures_of_an_item(tmp_path):
    catalog = make([item("a", data("red"), data("blue")), item("b", data("red"))], tmp_path / "c")
    files = [str(path) for path in catalog.parts]
    loaded = datasets.load_dataset(
        "parquet", data_files=files, split="train", cache_dir=str(tmp_path / "cache")
    )
    assert [one.getpixel((0, 0)) for one in loaded[0]["images"]] == [(255, 0, 0), (0, 0, 255)]
    assert loaded[0]["image_outcomes"][1]["status"] == "ok"
    assert loaded[1]["images"] is None


def test_a_column_of_the_source_that_is_called_like_one_of_the_catalogs_stands_beside_it(tmp_path):
    import pyarrow as pa

    records = [item("a", data("red"), data("blue"), extra={"images": "mine"})]
    source = ListSource(records, {"images": pa.string()})
    with ImageFetcher(LOOPBACK) as fetcher:
        catalog = ingest(source, tmp_path / "c", fetcher=fetcher)
    assert catalog.column("source_images").to_pylist() == ["mine"]
    assert "images" not in catalog.to_polars().columns
    assert verify_catalog(catalog) == []


def test_pictures_that_failed_are_asked_for_again_each_by_itself(tmp_path, site):
    once = in_turn(answer(b"", status=404), answer(picture("green")))
    refs = [
        ImageRef(url=site.at("/red.png", answer(picture("red")))),
        ImageRef(url=site.at("/later.png", once)),
        ImageRef(url=site.at("/never.png", answer(b"", status=410))),
        ImageRef(url=site.at("/again.png", in_turn(answer(b"", status=404), answer(picture("red"))))),
    ]
    records = [item("a", *refs), item("b", refs[0]), item("c", *reversed(refs))]
    make(records[:2], tmp_path / "c", part_rows=1)
    site.hits.clear()
    again = make(records[:2], tmp_path / "c", part_rows=1, retry=True)
    assert site.hits == {"/later.png": 1, "/never.png": 1, "/again.png": 1}
    row = rows(again)["a"]
    assert outcomes(row) == [
        ("ok", sha("red")), ("ok", sha("green")), ("http_410", None), ("repeated", sha("red")),
    ]  # fmt: skip
    assert [one["bytes"] for one in row["images"]] == [picture("red"), picture("green")]
    assert verify_catalog(again) == []
    account = {
        (one["item_id"], one["url"]): one for one in pq.read_table(tmp_path / "c" / "fetches").to_pylist()
    }
    assert {key[1].rpartition("/")[2]: one["tries"] for key, one in account.items() if key[0] == "a"} == {
        "red.png": 1, "later.png": 2, "never.png": 2, "again.png": 2,
    }  # fmt: skip
    fresh = make(records[:2], tmp_path / "fresh", part_rows=1)
    assert fresh.manifest.data_sha256 == again.manifest.data_sha256


def test_without_a_source_the_recorded_addresses_are_asked(tmp_path, site):
    later = site.at("/later.png", in_turn(answer(b"", status=404), answer(picture("green"))))
    made = make([item("a", data("red"), ImageRef(url=later))], tmp_path / "c")
    with ImageFetcher(LOOPBACK) as fetcher:
        again = retry_failed(made, fetcher=fetcher)
    assert [status for status, _ in outcomes(rows(again)["a"])] == ["ok", "ok"]


class Shop:
    """Pictures on a server that knows their versions."""

    def __init__(self, site):
        self.site, self.colors, self.sent = site, {}, 0

    def at(self, name, color):
        self.colors[name] = color

        def behave(request):
            color = self.colors[name]
            same = request.headers.get("If-None-Match") == f'"{color}"'
            self.sent += not same
            answer(b"" if same else picture(color), status=304 if same else 200, ETag=f'"{color}"')(request)

        return ImageRef(url=self.site.at(f"/{name}.png", behave))

    def asked(self):
        """Return which pictures were asked for, with a condition or without, and forget it."""
        with self.site.lock:
            found = {
                path.strip("/").removesuffix(".png"): "If-None-Match" in headers[0]
                for path, headers in self.site.headers.items()
            }
            assert set(self.site.hits.values()) <= {1}
            self.site.hits.clear()
            self.site.headers.clear()
        return found


def test_an_update_asks_of_each_picture_whether_it_is_still_the_one(tmp_path, site):
    shop = Shop(site)
    colors = {"p": "red", "q": "blue", "r": "lime", "s": "red", "t": "pink"}
    refs = {name: shop.at(name, color) for name, color in colors.items()}
    records = [
        item("a", refs["p"], refs["q"], refs["r"]),
        item("b", refs["t"]),
        item("c", title="none"),
        item("d", shop.at("u", "navy"), refs["s"]),
    ]
    make(records, tmp_path / "c", part_rows=2)
    shop.asked()
    shop.colors["q"] = "gold"
    made = make(records, tmp_path / "c", part_rows=2, update=True)
    assert shop.asked() == dict.fromkeys("pqrstu", True)
    assert made.manifest.update.model_dump() == {
        "new": 0, "gone": 0, "withdrawn": 0, "text": 0, "picture": 1, "fields": 0, "unchanged": 3, "unverified": 0,
    }  # fmt: skip
    assert made.identity == make(records, tmp_path / "anew", part_rows=2).identity
    shop.asked()
    # another order, one address gone, two more, and one that is the first now
    records[0] = item("a", refs["r"], shop.at("v", "lime"), refs["p"], shop.at("w", "red"))
    records[3] = item("d", refs["s"])
    moved = make(records, tmp_path / "c", part_rows=2, update=True)
    assert shop.asked() == {"p": True, "r": True, "s": True, "t": True, "v": False, "w": False}
    assert [status for status, _ in outcomes(rows(moved)["a"])] == ["ok", "repeated", "ok", "repeated"]
    assert moved.identity == make(records, tmp_path / "anew2", part_rows=2).identity
    assert verify_catalog(moved) == []


def test_a_picture_that_was_repeated_stays_known_when_the_other_changes(tmp_path, site):
    shop = Shop(site)
    records = [item("a", shop.at("p", "red"), shop.at("q", "red"), shop.at("r", "red"))]
    made = make(records, tmp_path / "c")
    assert len(rows(made)["a"]["images"]) == 1
    shop.asked()
    shop.colors["p"] = "blue"
    made = make(records, tmp_path / "c", update=True)
    assert shop.asked() == dict.fromkeys("pqr", True)
    row = rows(made)["a"]
    assert [(one["bytes"], one["path"]) for one in row["images"]] == [
        (picture("blue"), "p.png"), (picture("red"), "q.png"),
    ]  # fmt: skip
    assert made.identity == make(records, tmp_path / "anew").identity


def test_gone_items_keep_all_their_pictures(tmp_path, site):
    shop = Shop(site)
    kept = item("a", shop.at("p", "red"), shop.at("q", "blue"))
    make([kept, item("b", shop.at("r", "lime"))], tmp_path / "c")
    shop.asked()
    made = make([item("b", shop.at("r", "lime"))], tmp_path / "c", update=True, gone="keep")
    assert shop.asked() == {"r": True}
    row = rows(made)["a"]
    assert (row["withdrawn"], [one["bytes"] for one in row["images"]]) == (
        True,
        [picture("red"), picture("blue")],
    )
    assert verify_catalog(made) == []
    assert Catalog.open(tmp_path / "c").manifest.images.items == 1


def test_a_server_that_is_down_leaves_the_pictures_unverified(tmp_path, site):
    shop = Shop(site)
    records = [item("a", shop.at("p", "red"), shop.at("q", "blue"))]
    make(records, tmp_path / "c")
    site.at("/q.png", answer(b"", status=503))
    with ImageFetcher(FetchOptions(allow_private_hosts=True)) as fetcher:
        made = ingest(ListSource(records), tmp_path / "c", fetcher=fetcher, update=True)
    assert made.manifest.update.unverified == 1
    assert [status for status, _ in outcomes(rows(made)["a"])] == ["ok", "ok"]


@pytest.mark.parametrize("damage", ["image", "images", "outcomes", "count"])
def test_verify_checks_every_picture(tmp_path, damage):
    import json

    import pyarrow as pa

    catalog = make([item("a", data("red"), data("blue"))], tmp_path / "c")
    part = catalog.parts[0]
    table = pq.read_table(part)
    row = table.to_pylist()[0]
    if damage == "images":
        row["images"][1]["bytes"] += b"x"
    elif damage == "outcomes":
        row["image_outcomes"][0]["sha256"] = sha("blue")
    elif damage == "image":
        row["images"][0]["path"] = "other.png"
    if damage == "count":
        manifest = json.loads((tmp_path / "c" / "catalog.json").read_text())
        manifest["images"]["further"] = {"ok": 7}
        (tmp_path / "c" / "catalog.json").write_text(json.dumps(manifest))
    else:
        pq.write_table(pa.Table.from_pylist([row], schema=table.schema), part)
    found = " ".join(verify_catalog(Catalog.open(tmp_path / "c")))
    expected = {
        "images": "images are not those whose sha256 is recorded",
        "outcomes": "its first picture is not the first of image_outcomes",
        "image": "image is not the first of images",
        "count": "images is not what the parts hold",
    }
    assert expected[damage] in found


PLACES = st.tuples(st.sampled_from("abc"), st.sampled_from("pqrst"))
EDITS = st.one_of(
    st.tuples(st.just("color"), PLACES, st.sampled_from(["red", "blue", "lime"])),
    st.tuples(
        st.just("pictures"),
        st.sampled_from("abc"),
        st.lists(st.sampled_from("pqrst"), max_size=4, unique=True),
    ),
)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(EDITS, max_size=4), min_size=1, max_size=3))
def test_any_updates_give_what_a_run_from_scratch_would_and_ask_for_nothing_twice(rounds):
    with serve() as site, TemporaryDirectory() as folder:
        shop, known = Shop(site), set()
        refs = {f"{one}{two}": shop.at(f"{one}{two}", "red") for one in "abc" for two in "pqrst"}
        named = {"a": ["p", "q"], "b": ["p"], "c": ["r", "s", "t"]}
        for edits in [[], *rounds]:
            for kind, where, what in edits:
                if kind == "color":
                    shop.colors["".join(where)] = what
                else:
                    named[where] = what
            records = [item(one, *(refs[one + two] for two in several)) for one, several in named.items()]
            made = make(records, Path(folder) / "c", part_rows=2, update=True)
            now = {one + two for one, several in named.items() for two in several}
            assert shop.asked() == {name: name in known for name in now}
            known = now
        assert verify_catalog(made) == []
        assert (
            made.manifest.data_sha256 == make(records, Path(folder) / "d", part_rows=2).manifest.data_sha256
        )
