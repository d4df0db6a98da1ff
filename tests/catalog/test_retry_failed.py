"""What failed is asked for once more, from the source; all else stays as it is, byte for byte."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pydantic import ValidationError

from featurizer.catalog import part
from featurizer.catalog.column_names import ColumnNames
from featurizer.catalog.images import FetchOptions, ImageFetcher
from featurizer.catalog.ingest import ingest
from featurizer.catalog.retry import RetryPolicy
from featurizer.catalog.retry_failed import retry_failed
from featurizer.catalog.store import Catalog
from featurizer.catalog.table import TableSource
from featurizer.errors import StaleOutput
from featurizer.operations.ingest import Ingest
from featurizer.results.names import CATALOG
from featurizer.results.spelling import read_manifest
from featurizer.results.stage import Stage
from tests.servers import answer, in_turn, serve

LOOPBACK = FetchOptions(allow_private_hosts=True)
ONCE = FetchOptions(allow_private_hosts=True, retry=RetryPolicy(attempts=1))


def picture(color):
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), color).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def site():
    with serve() as site:
        yield site


def make(table, out, fetching=LOOPBACK, **options):
    with ImageFetcher(fetching) as fetcher:
        return ingest(TableSource(table, ColumnNames()), out, fetcher=fetcher, **options)


def written(folder, *pictures):
    path = folder / "items.csv"
    path.write_text("id,image\n" + "".join(f"i{n},{one}\n" for n, one in enumerate(pictures)))
    return path


def rows(catalog):
    return [row for path in catalog.parts for row in pq.read_table(path).to_pylist()]


def test_a_file_that_was_missing_arrives_and_the_catalog_is_up_to_date(tmp_path):
    (tmp_path / "a.png").write_bytes(picture("red"))
    table = written(tmp_path, "a.png", "b.png")
    made = make(table, tmp_path / "c", part_rows=1)
    assert made.manifest.image_status == {"missing_file": 1, "ok": 1}
    stamp = made.parts[0].stat().st_mtime_ns
    (tmp_path / "b.png").write_bytes(picture("blue"))
    with pytest.raises(StaleOutput):
        make(table, tmp_path / "c", part_rows=1)
    again = make(table, tmp_path / "c", part_rows=1, retry=True)
    assert [row["image"]["bytes"] for row in rows(again)] == [picture("red"), picture("blue")]
    assert again.parts[0].stat().st_mtime_ns == stamp
    assert make(table, tmp_path / "c", part_rows=1).manifest == again.manifest
    fresh = make(table, tmp_path / "fresh", part_rows=1)
    assert fresh.manifest.data_sha256 == again.manifest.data_sha256


def test_the_source_says_where_with_the_key_that_the_catalog_does_not_record(tmp_path, site):
    asked = site.at("/a.png", in_turn(answer(b"", status=404), answer(picture("red")))) + "?token=s3cret"
    table = written(tmp_path, asked)
    made = make(table, tmp_path / "c")
    assert made.column("image_url").to_pylist() == [asked.replace("s3cret", "")]
    assert make(table, tmp_path / "c", retry=True).manifest.image_status == {"ok": 1}
    assert site.hits == {"/a.png?token=s3cret": 2}
    assert not [
        path for path in (tmp_path / "c").rglob("*") if path.is_file() and b"s3cret" in path.read_bytes()
    ]


def test_what_fails_again_keeps_its_reason_and_the_account_adds_up(tmp_path, site):
    gone = site.at("/gone.png", in_turn(answer(b"", status=410), answer(b"", status=404)))
    made = make(written(tmp_path, gone, site.at("/a.png", answer(picture("red")))), tmp_path / "c")
    again = make(tmp_path / "items.csv", tmp_path / "c", retry=True)
    assert again.manifest.data_sha256 == made.manifest.data_sha256
    assert again.column("image_status").to_pylist() == ["http_410", "ok"]
    account = {row["item_id"]: row for row in pq.read_table(tmp_path / "c" / "fetches").to_pylist()}
    assert (account["i0"]["tries"], account["i0"]["status"]) == (2, "http_404")
    assert (account["i1"]["tries"], account["i1"]["bytes"]) == (1, len(picture("red")))
    assert account["i0"]["first"] < account["i0"]["last"]


def test_a_reason_that_might_have_passed_makes_room_for_one_that_will_not(tmp_path, site):
    busy, gone = answer(b"", status=503), answer(b"", status=404)
    table = written(tmp_path, site.at("/a.png", busy), site.at("/b.png", gone))
    make(table, tmp_path / "c", ONCE)
    site.at("/a.png", gone)
    site.at("/b.png", busy)
    again = make(table, tmp_path / "c", ONCE, retry=True)
    assert again.column("image_status").to_pylist() == ["http_404", "http_404"]


def test_a_finished_catalog_without_failures_is_left_alone(tmp_path, site):
    table = written(tmp_path, site.at("/a.png", answer(picture("red"))))
    make(table, tmp_path / "c")
    stamp = (tmp_path / "c" / CATALOG).stat().st_mtime_ns
    make(table, tmp_path / "c", retry=True)
    assert (tmp_path / "c" / CATALOG).stat().st_mtime_ns == stamp
    assert site.hits.total() == 1


def test_a_retry_that_is_broken_off_keeps_what_arrived_for_the_next(tmp_path, site, monkeypatch):
    table = written(tmp_path, *(site.at(f"/{n}.png", answer(b"", status=404)) for n in range(3)))
    make(table, tmp_path / "c")
    for n in range(3):
        site.at(f"/{n}.png", answer(picture("red")))
    asked = site.hits.total()
    monkeypatch.setattr(
        "featurizer.catalog.part.OpenPart.write", lambda part: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(KeyboardInterrupt):
        make(table, tmp_path / "c", retry=True)
    monkeypatch.undo()
    assert make(table, tmp_path / "c", retry=True).manifest.image_status == {"ok": 3}
    assert site.hits.total() == asked + 3
    assert not [*(tmp_path / "c" / "items").glob("*.journal")]


def test_a_catalog_of_an_earlier_version_keeps_its_column_of_attempts(tmp_path, site):
    table = written(tmp_path, site.at("/a.png", in_turn(answer(b"", status=404), answer(picture("red")))))
    made = make(table, tmp_path / "c")
    before = pq.read_table(made.parts[0])
    pq.write_table(before.append_column("attempts", pa.array([4], pa.int32())), made.parts[0])
    told = read_manifest(made.folder / CATALOG)
    told["columns"] = [*told["columns"], "attempts"]
    Stage(made.folder, CATALOG, made.manifest.config).finish(told)
    old = Catalog.open(made.folder)
    with ImageFetcher(LOOPBACK) as fetcher:
        again = retry_failed(old, fetcher=fetcher)
    assert again.column("attempts").to_pylist() == [4]
    assert again.manifest.image_status == {"ok": 1}
    assert again.manifest.columns[-1] == "attempts"


@pytest.mark.parametrize("name", ["a\r\nX-Other: 1", " ", "Größe"])
def test_who_asks_is_what_a_header_can_hold(name):
    with pytest.raises(ValidationError, match="printable ASCII"):
        Ingest(path=("items.csv",), out="c", user_agent=name)


def test_a_kill_between_the_account_and_the_part_counts_no_try_twice(tmp_path, site, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    def make_killed(**options):
        with monkeypatch.context() as patched:
            patched.setattr(part, "write_rows", killed)
            with pytest.raises(KeyboardInterrupt):
                make(table, tmp_path / "c", **options)
        return pq.read_table(make(table, tmp_path / "c", **options).folder / "fetches").to_pylist()

    gone = site.at("/gone.png", answer(b"", status=404))
    table = written(tmp_path, site.at("/a.png", answer(picture("red"))), gone)
    assert [entry["tries"] for entry in make_killed()] == [1, 1]
    site.at("/gone.png", answer(picture("blue")))
    again = make_killed(retry=True)
    assert [(entry["tries"], entry["status"]) for entry in again] == [(1, "ok"), (2, "ok")]
    assert site.hits == {"/a.png": 1, "/gone.png": 2}


def test_a_broken_picture_that_its_source_carries_stays_what_it_is(tmp_path):
    table = tmp_path / "items.parquet"
    cells = [{"bytes": picture("red"), "path": None}, {"bytes": picture("blue")[:60], "path": None}]
    pq.write_table(pa.table({"id": ["a", "b"], "image": cells}), table)
    made = make(table, tmp_path / "c")
    assert made.manifest.image_status == {"ok": 1, "truncated": 1}
    again = make(table, tmp_path / "c", retry=True)
    assert again.manifest.data_sha256 == made.manifest.data_sha256
    assert rows(again) == rows(made)
