"""A catalog brought up to date: of the web is asked what is new or may have changed, and the rest is what it was."""

import io
import json
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import featurizer as fz
from featurizer.catalog import ingest as ingest_module
from featurizer.catalog import part, part_rows
from featurizer.catalog.arrivals import Arrivals
from featurizer.catalog.column_names import ColumnNames
from featurizer.catalog.images import FetchOptions, ImageFetcher
from featurizer.catalog.ingest import ingest
from featurizer.catalog.interactions import InteractionFiles
from featurizer.catalog.retry import RetryPolicy
from featurizer.catalog.store import Catalog
from featurizer.catalog.table import TableSource
from featurizer.catalog.verify import verify_catalog
from featurizer.errors import InputError, StaleOutput
from featurizer.operations.ingest import Ingest
from featurizer.results import replacing
from tests.servers import answer, serve

LOOPBACK = FetchOptions(allow_private_hosts=True)


def picture(number):
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), (number % 256, number // 256, 7)).save(buffer, "PNG")
    return buffer.getvalue()


class Shop:
    """Pictures on a server that knows their versions, and the table that names them."""

    def __init__(self, site, folder, *, validator="etag"):
        self.site, self.folder, self.validator = site, folder, validator
        self.versions = {}
        self.rows = {}

    def put(self, item, title="a title", price="1", version=0, address=None):
        """Add or change an item."""
        path = address or f"/{item}.png"
        self.rows[item] = (title, price, self.site.base + path)
        self.version(path, version)

    def version(self, path, version):
        self.versions[path] = version
        self.site.at(path, self._behave(path))

    def _behave(self, path):
        def behave(request):
            version = self.versions[path]
            etag, changed = f'"{version}"', formatdate(1_700_000_000 + version, usegmt=True)
            told = {"etag": {"ETag": etag}, "date": {"Last_Modified": changed}, "none": {}}[self.validator]
            same = request.headers.get("If-None-Match") == etag
            same = same or request.headers.get("If-Modified-Since") == changed
            if same:
                answer(b"", status=304, **told)(request)
            else:
                answer(picture(version + 1000 * (hash(path) % 60)), **told)(request)

        return behave

    def make(self, **options):
        patience = options.pop("options", LOOPBACK)
        table = self.folder / "items.csv"
        lines = [f"{item},{','.join(values)}" for item, values in self.rows.items()]
        table.write_text("id,title,price,image\n" + "\n".join(lines) + "\n")
        options = {"out": self.folder / "c", "part_rows": 4, **options}
        with ImageFetcher(patience) as fetcher:
            return ingest(TableSource(table, ColumnNames()), fetcher=fetcher, **options)

    def bodies(self):
        """Return how often each picture was sent, and forget it."""
        hits = dict(self.site.hits)
        self.site.hits.clear()
        return hits


@pytest.fixture
def site():
    with serve() as site:
        yield site


def content(catalog):
    rows = [row for part in catalog.parts for row in pq.read_table(part).to_pylist()]
    return {row["item_id"]: row for row in rows}


@pytest.mark.parametrize("validator", ["etag", "date"])
def test_what_is_new_or_has_changed_is_fetched_and_the_whole_is_as_if_made_anew(tmp_path, site, validator):
    shop = Shop(site, tmp_path, validator=validator)
    for n in range(10):
        shop.put(f"i{n}")
    shop.make()
    assert set(shop.bodies().values()) == {1}
    shop.put("i0", title="another title")
    shop.put("i1", price="2")
    shop.version("/i2.png", 1)
    shop.put("i3", address="/other.png")
    shop.put("i99")
    del shop.rows["i4"]
    site.headers.clear()
    made = shop.make(update=True)
    asked = {
        path
        for path, headers in site.headers.items()
        if not any(name.startswith("If-") for name in headers[0])
    }
    assert asked == {"/other.png", "/i99.png"}
    assert shop.bodies() == dict.fromkeys([f"/i{n}.png" for n in range(10) if n not in (3, 4)], 1) | {
        "/other.png": 1, "/i99.png": 1,
    }  # fmt: skip
    assert made.manifest.update.model_dump() == {
        "new": 1, "gone": 1, "withdrawn": 0, "text": 1, "picture": 2, "fields": 1, "unchanged": 5, "unverified": 0,
    }  # fmt: skip
    anew = shop.make(out=tmp_path / "anew")
    assert made.identity == anew.identity
    assert verify_catalog(made) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["anew", "c", "items.csv"]


def test_of_a_server_that_knows_no_versions_what_is_known_is_not_asked_for_again(tmp_path, site):
    shop = Shop(site, tmp_path, validator="none")
    for n in range(6):
        shop.put(f"i{n}")
    shop.make()
    shop.bodies()
    shop.put("i6")
    shop.version("/i2.png", 1)
    made = shop.make(update=True)
    assert shop.bodies() == {"/i6.png": 1}
    assert made.manifest.update.new == 1
    assert made.manifest.update.unchanged == 6
    assert made.manifest.image_status == {"ok": 7}


def test_an_update_that_would_lose_too_much_asks_the_web_for_nothing(tmp_path, site):
    shop = Shop(site, tmp_path)
    for n in range(30):
        shop.put(f"i{n}")
    shop.make()
    shop.bodies()
    for n in range(20):
        del shop.rows[f"i{n}"]
    shop.put("i99")
    with pytest.raises(InputError, match="20 of the 30 items"):
        shop.make(update=True, max_gone=0.2)
    assert not shop.bodies()


def test_an_update_may_drop_ten_items_whatever_their_share(tmp_path):
    table = tmp_path / "t.csv"
    items = [f"{n},Mug {n}\n" for n in range(12)]
    table.write_text("id,title\n" + "".join(items))
    fz.ingest(table, out=tmp_path / "c")
    table.write_text("id,title\n" + items[0])
    with pytest.raises(InputError, match="11 of the 12 items"):
        fz.ingest(table, out=tmp_path / "c", update=True)
    table.write_text("id,title\n" + "".join(items[:2]))
    assert fz.ingest(table, out=tmp_path / "c", update=True).manifest.update.gone == 10


@pytest.mark.parametrize(
    ("header", "before", "after", "counts"),
    [
        ("title,price", "Mug,1", "Cup,1", (1, 0, 0)),
        ("title,price", "Mug,1", "Mug,2", (0, 0, 1)),
        ("title,price", "Mug,1", "Cup,2", (1, 0, 1)),
        ("title,price", "Mug,1", " Mug,1", (0, 0, 0)),
        ("title,brand", "Red mug,", "Red,mug", (0, 0, 1)),
    ],
)
def test_a_change_is_counted_as_what_it_changes(tmp_path, header, before, after, counts):
    table = tmp_path / "t.csv"
    for line in (before, after):
        table.write_text(f"id,{header}\n1,{line}\n")
        made = fz.ingest(table, out=tmp_path / "c", update=True)
    changed = made.manifest.update
    assert (changed.text, changed.picture, changed.fields) == counts
    assert changed.unchanged == (not any(counts))


def test_a_picture_that_is_the_same_at_another_address_is_another_field(tmp_path, site):
    shop = Shop(site, tmp_path)
    shop.put("i0", address="/old.png")
    shop.put("i1")
    shop.make()
    shop.put("i0", address="/new.png")
    site.at("/new.png", shop._behave("/old.png"))
    changed = shop.make(update=True).manifest.update
    assert (changed.picture, changed.fields, changed.unchanged) == (0, 1, 1)


def test_a_new_column_counts_where_it_holds_something(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("id,title\n1,Mug\n2,Cup\n")
    fz.ingest(table, out=tmp_path / "c")
    table.write_text("id,title,color\n1,Mug,red\n2,Cup,\n")
    changed = fz.ingest(table, out=tmp_path / "c", update=True).manifest.update
    assert (changed.fields, changed.unchanged) == (1, 1)


@pytest.mark.parametrize(
    ("before", "after"), [(["no", "no"], ["yes", "no"]), ([3, 4], [5, 4]), ([True] * 2, [False, True])]
)
def test_a_source_may_have_a_column_withdrawn_where_nothing_is_marked(tmp_path, before, after):
    table = tmp_path / "t.parquet"
    for cells in (before, after):
        pl.DataFrame({"id": ["1", "2"], "title": ["Mug", "Cup"], "withdrawn": cells}).write_parquet(table)
        made = fz.ingest(table, out=tmp_path / "c", update=True)
    changed = made.manifest.update
    assert (changed.withdrawn, changed.fields, changed.unchanged) == (0, 1, 1)


def test_where_items_are_dropped_that_were_kept_before_the_mark_alone_is_no_change(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("id,title\n1,Mug\n2,Cup\n")
    fz.ingest(table, out=tmp_path / "c", gone="keep")
    changed = fz.ingest(table, out=tmp_path / "c", update=True).manifest.update
    assert (changed.withdrawn, changed.fields, changed.unchanged) == (0, 0, 2)


def test_versions_stay_known_from_one_update_to_the_next(tmp_path, site):
    shop = Shop(site, tmp_path)
    for n in range(6):
        shop.put(f"i{n}")
    shop.make()
    for version in (1, 2):
        shop.bodies()
        shop.version("/i2.png", version)
        made = shop.make(update=True)
        assert shop.bodies() == {f"/i{n}.png": 1 for n in range(6)}
        assert made.manifest.update.picture == 1
        entries = {entry["item_id"]: entry for entry in pq.read_table(made.folder / "fetches").to_pylist()}
        assert {entry["status"] for entry in entries.values()} == {"ok"}
        assert entries["i2"]["etag"] == f'"{version}"'
        assert all(entry["bytes"] > 0 for entry in entries.values())


def test_what_failed_is_asked_for_again_and_a_picture_that_is_gone_is_said(tmp_path, site):
    shop = Shop(site, tmp_path)
    for n in range(3):
        shop.put(f"i{n}")
    site.at("/i0.png", answer(b"", status=404))
    assert shop.make().manifest.image_status == {"http_404": 1, "ok": 2}
    shop.version("/i0.png", 0)
    site.at("/i1.png", answer(b"", status=410))
    made = shop.make(update=True)
    assert {item: row["image_status"] for item, row in content(made).items()} == {
        "i0": "ok", "i1": "http_410", "i2": "ok",
    }  # fmt: skip


def test_one_address_of_a_known_item_and_a_new_one_is_fetched_for_the_new_one(tmp_path, site):
    shop = Shop(site, tmp_path)
    shop.put("i0")
    shop.make()
    shop.put("i1", address="/i0.png")
    made = shop.make(update=True)
    assert made.manifest.image_status == {"ok": 2}
    assert content(made)["i0"]["image"] == content(made)["i1"]["image"]


def test_items_that_are_gone_stay_where_that_is_asked_for_with_all_that_they_had(tmp_path, site):
    shop = Shop(site, tmp_path)
    for n in range(5):
        shop.put(f"i{n}", title=f"title {n}", price=str(n))
    clicks = tmp_path / "clicks.csv"
    clicks.write_text("user_id,item_id,timestamp,split\n" + "".join(f"u,i{n},{n},train\n" for n in range(5)))
    with_clicks = {"gone": "keep", "interactions": InteractionFiles((clicks,))}
    before = content(shop.make(**with_clicks))
    assert {row["withdrawn"] for row in before.values()} == {False}
    kept = shop.rows.pop("i2")
    shop.bodies()
    for _ in range(2):
        made = shop.make(update=True, **with_clicks)
        assert content(made)["i2"] == before["i2"] | {"withdrawn": True}
        assert made.manifest.interactions.interactions == 5
        assert "/i2.png" not in shop.bodies()
    shop.rows["i2"] = kept
    assert content(shop.make(update=True, **with_clicks)) == before


def test_what_was_begun_is_gone_on_with_after_a_kill_and_the_old_one_is_there_until_then(
    tmp_path, site, monkeypatch
):
    shop = Shop(site, tmp_path)
    for n in range(9):
        shop.put(f"i{n}")
    before = shop.make()
    for n in range(9):
        shop.version(f"/i{n}.png", 1)

    def broken(*_):
        raise KeyboardInterrupt

    for module in (replacing, ingest_module):
        with monkeypatch.context() as patched:
            patched.setattr(module, "exchange" if module is replacing else "put_in_place", broken)
            with pytest.raises(KeyboardInterrupt):
                shop.make(update=True)
        assert Catalog.open(tmp_path / "c").identity == before.identity
    assert set(shop.bodies().values()) == {2}  # first, and at the first try of the update
    made = shop.make(update=True)
    assert shop.bodies() == {}
    assert made.manifest.update.picture == 9


def test_a_first_time_is_what_it_is_without_and_both_ways_at_once_are_refused(tmp_path, site):
    shop = Shop(site, tmp_path)
    shop.put("i0")
    assert shop.make(update=True).manifest.update is None
    with pytest.raises(InputError, match="give one of the two"):
        Ingest(path=("items.csv",), out=tmp_path / "c", update=True, overwrite=True)


KINDS = ["title", "price", "picture", "address", "gone", "new"]


@settings(max_examples=10)
@given(
    rounds=st.lists(
        st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 9)), max_size=6), min_size=1, max_size=2
    )
)
def test_whatever_is_edited_the_catalog_is_the_one_made_anew(tmp_path_factory, rounds):
    folder, fresh = tmp_path_factory.mktemp("edits"), 100
    with serve() as site:
        shop = Shop(site, folder)
        for n in range(9):
            shop.put(f"i{n}")
        shop.make()
        for edits in rounds:
            for kind, at in edits:
                fresh += 1
                item = list(shop.rows)[at % len(shop.rows)]
                title, price, address = shop.rows[item]
                path = address.removeprefix(site.base)
                if kind == "title":
                    shop.rows[item] = (f"title {fresh}", price, address)
                elif kind == "price":
                    shop.rows[item] = (title, str(fresh), address)
                elif kind == "picture":
                    shop.version(path, fresh)
                elif kind == "address":
                    shop.put(item, title, price, fresh, f"/{fresh}.png")
                elif kind == "gone" and len(shop.rows) > 1:
                    del shop.rows[item]
                else:
                    shop.put(f"i{fresh}")
            made = shop.make(update=True)
            anew = shop.make(out=folder / "anew", overwrite=True)
            assert made.manifest.data_sha256 == anew.manifest.data_sha256
            assert made.identity == anew.identity


def test_a_server_that_is_down_costs_no_picture_and_is_asked_again_the_next_time(tmp_path, site):
    shop = Shop(site, tmp_path)
    for n in range(6):
        shop.put(f"i{n}")
    before = content(shop.make())
    for n in range(6):
        site.at(f"/i{n}.png", answer(b"", status=503 if n else 404))
    patient = FetchOptions(allow_private_hosts=True, retry=RetryPolicy(attempts=1))
    made = shop.make(update=True, options=patient)
    assert made.manifest.image_status == {"http_404": 1, "ok": 5}
    assert made.manifest.update.unverified == 5
    assert all(content(made)[f"i{n}"]["image"] == before[f"i{n}"]["image"] for n in range(1, 6))
    for n in range(6):
        shop.version(f"/i{n}.png", 1 if n == 3 else 0)
    site.headers.clear()
    shop.bodies()
    again = shop.make(update=True)
    assert again.manifest.update.unverified == 0
    assert again.manifest.update.picture == 2
    assert all("If-None-Match" in site.headers[f"/i{n}.png"][0] for n in range(1, 6))
    entries = {
        entry["item_id"]: entry["tries"] for entry in pq.read_table(again.folder / "fetches").to_pylist()
    }
    assert entries["i1"] == 3


def test_what_a_kill_left_after_the_exchange_is_not_taken_for_the_new_one(tmp_path, site, monkeypatch):
    shop = Shop(site, tmp_path)
    for n in range(6):
        shop.put(f"i{n}")
    shop.make()
    for n in range(6):
        shop.version(f"/i{n}.png", 1)

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            shop.make(update=True)
    new = Catalog.open(tmp_path / "c")
    assert (tmp_path / ".c.update").is_dir()
    made = shop.make(update=True)
    assert made.manifest.data_sha256 == new.manifest.data_sha256
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "items.csv"]


def test_a_file_of_ones_own_is_the_last_that_was_written(tmp_path, site, monkeypatch):
    shop = Shop(site, tmp_path)
    shop.put("i0")
    shop.make()
    notes = tmp_path / "c" / "notes" / "mine.txt"
    notes.parent.mkdir()
    notes.write_text("one")
    (tmp_path / "c" / "link").symlink_to("notes")
    book = tmp_path / "c" / ".featurizer" / "ingest.json"
    book.parent.mkdir()
    book.touch()

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(replacing, "exchange", killed)
        with pytest.raises(KeyboardInterrupt):
            shop.make(update=True)
    written = notes.with_name("new")
    written.write_text("two")
    written.replace(notes)
    shop.make(update=True)
    assert notes.read_text() == "two"
    assert (tmp_path / "c" / "link").is_symlink()
    assert not book.exists()  # it is of the catalog before


def test_a_folder_behind_a_link_is_brought_up_to_date_where_it_lies(tmp_path, site):
    shop = Shop(site, tmp_path)
    shop.put("i0")
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "c")
    shop.make(out=tmp_path / "disk" / "c")
    shop.put("i1")
    made = shop.make(out=tmp_path / "link", update=True)
    assert made.rows == 2
    assert (tmp_path / "link").is_symlink()
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["c"]


def test_what_lies_where_the_new_one_is_made_and_is_not_ours_is_left(tmp_path, site):
    shop = Shop(site, tmp_path)
    shop.put("i0")
    shop.make()
    (tmp_path / ".c.update").mkdir()
    (tmp_path / ".c.update" / "mine").touch()
    with pytest.raises(StaleOutput):
        shop.make(update=True)
    assert (tmp_path / ".c.update" / "mine").exists()


def test_a_source_in_another_order_reads_each_old_group_once(tmp_path, site, monkeypatch):
    shop = Shop(site, tmp_path, validator="none")
    for n in range(24):
        shop.put(f"i{n}")
    shop.make(part_rows=24)
    reads = []
    read = pq.ParquetFile.read_row_group
    monkeypatch.setattr(part_rows, "ROW_GROUP_ROWS", 4)
    before = content(shop.make(part_rows=24, overwrite=True))
    shop.rows = dict(sorted(shop.rows.items(), key=lambda row: hash(row[0]) % 97))

    def counted(self, group, **options):
        reads.append(group)
        return read(self, group, **options)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", counted)
    again = shop.make(part_rows=24, update=True)
    assert len(reads) <= 6 + 1
    assert {item: row["image"] for item, row in content(again).items()} == {
        item: row["image"] for item, row in before.items()
    }
    assert again.manifest.image_status == {"ok": 24}


def test_what_is_gone_keeps_its_columns_though_the_source_has_others_now(tmp_path):
    def ingested(rows, **options):
        pl.DataFrame(rows).write_parquet(tmp_path / "t.parquet")
        source = TableSource(tmp_path / "t.parquet", ColumnNames())
        with ImageFetcher(LOOPBACK) as fetcher:
            return ingest(source, tmp_path / "c", fetcher=fetcher, gone="keep", **options)

    ingested({"id": ["1", "2"], "title": ["one", "two"], "stock": [3, 4], "color": ["red", "blue"]})
    made = ingested({"id": ["1"], "title": ["one"], "stock": ["many"]}, update=True)
    gone = content(made)["2"]
    assert gone["withdrawn"]
    assert gone["color"] == "blue"
    assert gone["stock"] is None
    assert json.loads(gone["other_fields"]) == {"stock (before)": 4}
    assert content(made)["1"]["stock"] == "many"
    assert made.manifest.update.withdrawn == 1
    with pytest.raises(InputError, match="a column 'withdrawn' of its own"):
        ingested({"id": ["1"], "title": ["one"], "withdrawn": ["no"]}, update=True)


def test_items_that_are_gone_outlive_a_retry_that_is_killed(tmp_path, site, monkeypatch):
    shop = Shop(site, tmp_path)
    for n in range(4):
        shop.put(f"i{n}")
    shop.make(gone="keep")
    del shop.rows["i1"]
    site.at("/i0.png", answer(b"", status=404))
    shop.make(gone="keep", update=True)

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Arrivals, "open", killed)
        with pytest.raises(KeyboardInterrupt):
            shop.make(gone="keep", retry=True)
    assert Catalog.open(tmp_path / "c").rows == 4
    shop.version("/i0.png", 0)
    assert shop.make(gone="keep", retry=True).manifest.image_status == {"ok": 4}


def test_hosts_that_may_not_be_asked_this_time_cost_no_picture(tmp_path, site):
    shop = Shop(site, tmp_path)
    for n in range(3):
        shop.put(f"i{n}")
    shop.make()
    made = shop.make(update=True, options=FetchOptions())
    assert made.manifest.image_status == {"ok": 3}
    assert made.manifest.update.unverified == 3


def test_an_update_that_would_lose_interactions_or_a_field_is_refused(tmp_path, site):
    shop = Shop(site, tmp_path)
    shop.put("i0")
    clicks = tmp_path / "clicks.csv"
    clicks.write_text("user_id,item_id,split\nu,i0,train\n")
    shop.make(interactions=InteractionFiles((clicks,)))
    with pytest.raises(InputError, match="has interactions, and none are given now"):
        shop.make(update=True)
    table = tmp_path / "odd.csv"
    table.write_text("id,title,Produktfoto 1\ni0,one,\n")
    with ImageFetcher(LOOPBACK) as fetcher:
        names = ColumnNames(image="Produktfoto 1")
        ingest(TableSource(table, names), tmp_path / "odd", fetcher=fetcher)
        with pytest.raises(InputError, match=r"made with image ← Produktfoto 1.*\(--image-column\)"):
            ingest(TableSource(table, ColumnNames()), tmp_path / "odd", fetcher=fetcher, update=True)


def test_an_update_may_find_no_second_picture_any_more_where_its_column_is_still_there(tmp_path):
    table = tmp_path / "t.csv"
    for name in ("a", "b"):
        (tmp_path / f"{name}.png").write_bytes(picture(ord(name)))
    table.write_text("id,title,image,image_2\n1,Mug,a.png,b.png\n2,Cup,b.png,\n")
    assert fz.ingest(table, out=tmp_path / "c").manifest.mapping["images"] == "image_2"
    table.write_text("id,title,image,image_2\n1,Mug,a.png,\n2,Cup,b.png,\n")
    made = fz.ingest(table, out=tmp_path / "c", update=True)
    assert made.manifest.image_status == {"ok": 2}
    assert made.manifest.update.picture == 1
    assert not made.several


def test_an_update_without_an_option_of_the_first_time_is_refused(tmp_path):
    table, clicks = tmp_path / "shop.csv", tmp_path / "clicks.csv"
    table.write_text("id,title,color\n" + "".join(f"i{n},cup {n},red\n" for n in range(12)))
    clicks.write_text("user,item,time\n" + "".join(f"u{n % 4},i{n},{n}\n" for n in range(12)))
    asked = {"out": tmp_path / "c", "interactions": clicks}
    first = {"split": "leave-one-out", "seed": 3, "license": "CC0-1.0", "text_template": "{title} {color}"}
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "i0.png").write_bytes(picture(1))
    first |= {
        "images": tmp_path / "pictures",
        "max_images": 2,
        "on_duplicate": "first",
        "on_missing_id": "skip",
    }
    made = fz.ingest(table, **asked, **first)
    table.write_text(table.read_text() + "i12,cup 12,blue\n")
    for name in first:
        rest = {other: value for other, value in first.items() if other != name}
        with pytest.raises(InputError, match=f"was made with --{name.replace('_', '-')} .*give them again"):
            fz.ingest(table, **asked, **rest, update=True)
    assert fz.open_folder(tmp_path / "c").rows == made.rows == 12
    assert fz.ingest(table, **asked, **first, update=True).rows == 13
    assert fz.ingest(table, **asked, **{**first, "seed": 4}, update=True).rows == 13


def test_the_refusal_of_a_changed_table_names_the_update(tmp_path, site):
    shop = Shop(site, tmp_path)
    shop.put("i0")
    shop.make()
    shop.put("i1")
    with pytest.raises(StaleOutput, match="or --update to bring it up to date"):
        shop.make()


def test_what_was_begun_from_another_table_is_gone_before_the_new_one_begins_though_a_kill_comes_between(
    tmp_path, site, monkeypatch
):
    shop = Shop(site, tmp_path)
    for n in range(6):
        shop.put(f"i{n}")
    shop.make()

    def killed(*_, **__):
        raise KeyboardInterrupt

    for module, name in ((ingest_module, "put_in_place"), (replacing.shutil, "rmtree")):
        shop.put(f"i{9 if name == 'rmtree' else 8}")
        with monkeypatch.context() as patched:
            patched.setattr(module, name, killed)
            with pytest.raises(KeyboardInterrupt):
                shop.make(update=True)
    made = shop.make(update=True)
    assert made.identity == shop.make(out=tmp_path / "anew").identity
    assert sorted(path.name for path in tmp_path.iterdir()) == ["anew", "c", "items.csv"]


def test_a_kill_while_old_pictures_are_put_into_another_order_loses_nothing_of_the_account(
    tmp_path, site, monkeypatch
):
    def killed(*_):
        raise KeyboardInterrupt

    def told(catalog):
        entries = pq.read_table(catalog.folder / "fetches").to_pylist()
        return {entry["item_id"]: (entry["status"], entry["tries"], entry["etag"]) for entry in entries}

    shop, once = Shop(site, tmp_path), replace(LOOPBACK, retry=RetryPolicy(attempts=1))
    for n in range(4):
        shop.put(f"i{n}")
    before = pq.read_table(shop.make().folder / "fetches").to_pylist()
    shop.rows = dict(reversed(shop.rows.items()))
    site.at("/i3.png", answer(b"", status=503))
    with monkeypatch.context() as patched:
        patched.setattr(part, "write_rows", killed)
        with pytest.raises(KeyboardInterrupt):
            shop.make(update=True, options=once)
    made = shop.make(update=True, options=once)
    assert told(made) == {
        entry["item_id"]: ("ok" if entry["item_id"] != "i3" else "http_503", 2, entry["etag"])
        for entry in before
    }
    assert made.manifest.image_status == {"ok": 4}
    assert made.manifest.update.unverified == 1
    assert pl.read_parquet(made.folder / "fetches")["last"].min() > max(entry["last"] for entry in before)
