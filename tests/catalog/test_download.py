import gzip
import io
import json

import polars as pl
import pyarrow.parquet as pq
import pytest
from PIL import Image

from featurizer.catalog.datasets import DatasetEntry, DatasetFile, get_dataset
from featurizer.catalog.download import download
from featurizer.catalog.images import FetchOptions, ImageFetcher
from featurizer.catalog.interactions import SplitOptions, collect
from featurizer.catalog.retry_failed import retry_failed
from featurizer.errors import DownloadError, InputError, StaleOutput
from featurizer.results.stage import Stage
from featurizer.results.store_path import place
from tests.servers import answer, in_turn, ranged, serve

LOOPBACK = FetchOptions(allow_private_hosts=True)
ITEMS = [f"i{n}" for n in range(8)]


def picture(n):
    buffer = io.BytesIO()
    Image.new("RGB", (16 + n, 16), (n * 30, 0, 0)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def site():
    with serve() as running:
        yield running


@pytest.fixture
def entry(site):
    meta = []
    for n, item in enumerate([*ITEMS, "never-bought"]):
        url = site.at(f"/{item}.jpg", answer(b"gone", status=404) if n == 3 else answer(picture(n)))
        meta.append(
            json.dumps(
                {"parent_asin": item, "title": f"Item {n}", "images": [{"large": url, "variant": "MAIN"}]}
            )
        )
    reviews = [
        json.dumps({"user_id": f"u{u}", "parent_asin": item, "rating": 5.0, "timestamp": 1000 * (u * 8 + n)})
        for u in range(6)
        for n, item in enumerate(ITEMS)
        if (u + n) % 3
    ]
    return DatasetEntry(
        title="Served",
        format="amazon-2023",
        metadata=DatasetFile(url=site.at("/meta.jsonl.gz", ranged(gzip.compress("\n".join(meta).encode())))),
        interactions=DatasetFile(
            url=site.at("/reviews.jsonl.gz", ranged(gzip.compress("\n".join(reviews).encode())))
        ),
        license="CC0-1.0",
        terms="none",
        citation="none",
    )


def run(entry, tmp_path, **options):
    chosen = {"split": SplitOptions(2, "leave-one-out"), "cache": tmp_path / "cache", **options}
    with ImageFetcher(LOOPBACK) as fetcher:
        return download("served", entry, tmp_path / "c", fetcher=fetcher, **chosen)


def test_into_a_store_the_catalog_is_that_of_a_folder(entry, store, tmp_path):
    here = run(entry, tmp_path)
    with ImageFetcher(LOOPBACK) as fetcher:
        there = download(
            "served",
            entry,
            place(store.bucket()) / "c",
            fetcher=fetcher,
            split=SplitOptions(2, "leave-one-out"),
            cache=tmp_path / "cache",
        )
    assert there.manifest.data_sha256 == here.manifest.data_sha256
    assert there.manifest.interactions == here.manifest.interactions
    assert {path.relative_to(there.folder) for path in there.folder.rglob("*")} == {
        path.relative_to(here.folder) for path in here.folder.rglob("*") if path.is_file()
    }


def run_again(entry, tmp_path, **options):
    made = run(entry, tmp_path, **options)
    with ImageFetcher(LOOPBACK) as fetcher:
        return retry_failed(made, fetcher=fetcher)


def statuses(catalog):
    rows = [
        row
        for path in catalog.parts
        for row in pq.read_table(path, columns=["item_id", "image_status"]).to_pylist()
    ]
    return {row["item_id"]: row["image_status"] for row in rows}


def test_a_dataset_becomes_a_catalog_with_interactions_and_a_reason_for_each_failure(entry, tmp_path):
    catalog = run(entry, tmp_path)
    assert statuses(catalog) == {item: "http_404" if item == "i3" else "ok" for item in ITEMS}
    interactions = pl.read_parquet(tmp_path / "c" / "interactions.parquet")
    assert set(interactions["item_id"]) == set(ITEMS)
    assert set(interactions["split"]) == {"train", "valid", "test"}
    assert catalog.manifest.interactions.users == 6
    assert catalog.manifest.source.license == "CC0-1.0"


def test_all_items_keeps_those_outside_the_core_and_no_images_fetches_none(entry, site, tmp_path):
    catalog = run(entry, tmp_path, all_items=True, images=False)
    assert statuses(catalog) == dict.fromkeys([*ITEMS, "never-bought"], "none")
    assert not [path for path in site.hits if path.endswith("jpg")]


def test_a_finished_download_asks_the_network_nothing_and_another_split_is_stale(entry, site, tmp_path):
    run(entry, tmp_path)
    asked = site.hits.total()
    run(entry, tmp_path)
    assert site.hits.total() == asked
    with pytest.raises(StaleOutput, match="seed"):
        run(entry, tmp_path, split=SplitOptions(2, "leave-one-out", 1))


def test_pictures_that_failed_arrive_on_retry(entry, site, tmp_path):
    run(entry, tmp_path)
    site.at("/i3.jpg", answer(picture(3)))
    catalog = run_again(entry, tmp_path)
    assert set(statuses(catalog).values()) == {"ok"}


def test_an_unfinished_download_retries_too_once_it_is_finished(entry, site, tmp_path):
    site.at("/i3.jpg", in_turn(answer(b"gone", status=404), answer(picture(3))))
    assert set(statuses(run_again(entry, tmp_path)).values()) == {"ok"}


def test_the_source_files_are_recorded_and_a_resumed_download_refuses_others(entry, site, tmp_path):
    found = run(entry, tmp_path).manifest.source.files
    assert found["metadata"]["url"] == entry.metadata.url
    assert len(found["interactions"]["sha256"]) == 64
    config = json.loads((tmp_path / "c" / "catalog.json").read_text())
    Stage(tmp_path / "c", "catalog.json", config["config"]).reopen()
    (tmp_path / "cache" / "served" / "meta.jsonl.gz").unlink()
    site.at("/meta.jsonl.gz", ranged(gzip.compress(b'{"parent_asin": "i0", "title": "new"}')))
    with pytest.raises(StaleOutput, match=r"metadata\.sha256"):
        run(entry, tmp_path)
    run(entry, tmp_path, overwrite=True)


def test_two_files_of_one_name_do_not_collide(entry, site, tmp_path):
    for kind, remote in (("m", entry.metadata), ("r", entry.interactions)):
        site.at(f"/{kind}/data.jsonl.gz", site.routes["/" + remote.url.rsplit("/", 1)[1]])
    twins = entry.model_copy(
        update={
            "metadata": DatasetFile(url=f"{site.base}/m/data.jsonl.gz?v=a/b"),
            "interactions": DatasetFile(url=f"{site.base}/r/data.jsonl.gz"),
        }
    )
    assert len(statuses(run(twins, tmp_path))) == 8


def test_a_dataset_whose_file_is_not_there_is_a_clear_error(entry, site, tmp_path):
    site.at("/meta.jsonl.gz", answer(b"gone", status=404))
    with pytest.raises(DownloadError, match="404"):
        run(entry, tmp_path)


def test_metadata_of_elsewhere_cannot_name_files_of_this_machine(entry, site, tmp_path):
    (tmp_path / "secret.jpg").write_bytes(picture(1))
    meta = json.dumps({"parent_asin": "i0", "images": [{"large": (tmp_path / "secret.jpg").as_uri()}]})
    site.at("/meta.jsonl.gz", ranged(gzip.compress(meta.encode())))
    found = statuses(run(entry, tmp_path, split=SplitOptions(0)))
    assert found["i0"] == "forbidden_path"
    found = statuses(run_again(entry, tmp_path, split=SplitOptions(0)))
    assert found["i0"] == "forbidden_path"


def test_metadata_on_this_disk_may_name_pictures_in_their_own_folder(entry, tmp_path):
    folder = tmp_path / "local"
    folder.mkdir()
    for name in ("local/a.jpg", "secret.jpg"):
        (tmp_path / name).write_bytes(picture(1))
    rows = {"i0": folder / "a.jpg", "i1": tmp_path / "secret.jpg"}
    (folder / "m.jsonl").write_text(
        "\n".join(
            json.dumps({"parent_asin": key, "images": [{"large": p.as_uri()}]}) for key, p in rows.items()
        )
    )
    local = entry.model_copy(update={"metadata": DatasetFile(url=(folder / "m.jsonl").as_uri())})
    found = statuses(run(local, tmp_path))
    assert (found["i0"], found["i1"]) == ("ok", "forbidden_path")


def test_the_sample_finds_the_pictures_it_wrote(tmp_path):
    with ImageFetcher(LOOPBACK) as fetcher:
        made = download(
            "sample", get_dataset("sample"), tmp_path / "c", split=SplitOptions(5), fetcher=fetcher
        )
    assert made.manifest.image_status["ok"] > 500
    assert "forbidden_path" not in made.manifest.image_status


def test_rows_without_a_user_or_an_item_are_left_out_and_counted(tmp_path, caplog):
    frame = pl.LazyFrame(
        {
            "user_id": ["a", None, "b", "c"],
            "item_id": ["x", "y", None, "z"],
            "timestamp": [1, 2, 3, 4],
            "rating": [1.0] * 4,
        }
    )
    assert collect(frame, tmp_path / "r.csv")["user_id"].to_list() == ["a", "c"]
    assert "r.csv: 2 rows cannot be read: …; they are left out" in caplog.text


def test_a_core_that_leaves_nothing_says_so(entry, tmp_path):
    with pytest.raises(InputError, match="lower --k-core"):
        run(entry, tmp_path, split=SplitOptions(50))


def test_a_local_copy_of_the_files_works_as_well(entry, site, tmp_path):
    folder = tmp_path / "local"
    folder.mkdir()
    (folder / "m.jsonl").write_text(
        json.dumps({"parent_asin": "a", "title": "A"}) + "\n" + json.dumps({"parent_asin": "b"})
    )
    (folder / "r.csv").write_text(
        "user_id,parent_asin,rating,timestamp\n"
        + "".join(f"u{u},{i},5,{u}000\n" for u in range(3) for i in "ab")
    )
    local = entry.model_copy(
        update={
            "metadata": DatasetFile(url=(folder / "m.jsonl").as_uri()),
            "interactions": DatasetFile(url=(folder / "r.csv").as_uri()),
        }
    )
    assert statuses(run(local, tmp_path)) == {"a": "none", "b": "none"}
