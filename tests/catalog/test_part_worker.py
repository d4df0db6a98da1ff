"""Whoever fetches the pictures of a catalog, its bytes are the same: this process, or actors of a Ray cluster."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest
from PIL import Image

from featurizer.actors import Cluster, Told, actors, connected
from featurizer.catalog.images import ImageFetcher
from featurizer.catalog.images.options import FetchOptions
from featurizer.catalog.ingest import ingest
from featurizer.catalog.open_source import open_source
from featurizer.catalog.part_worker import PartWorker
from featurizer.catalog.parts import PartPlan, Share
from featurizer.catalog.schema import catalog_schema
from featurizer.catalog.store import part_path
from featurizer.catalog.text import TextRecipe
from featurizer.errors import FeaturizerError, InputError
from featurizer.operations.download import Download
from featurizer.operations.ingest import Ingest
from featurizer.progress import silent
from featurizer.results.stage import STAGE_FILE
from tests.catalog.exports import workbook
from tests.servers.faults import faults

ROOT = Path(__file__).parents[2]
OPTIONS = FetchOptions(allow_private_hosts=True, per_host=4)
ROWS = 20
"""Items a part."""


@pytest.fixture(scope="module")
def cluster():
    pytest.importorskip("ray")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        with connected(None):
            yield Cluster(workers=2)


def table(folder, site, count=110):
    """Pictures of four hosts: one in ten is no picture, another comes at the second try alone."""
    kinds = ["plain", "late", "page", "once_503", "plain", "chunked", "plain", "plain", "in_pieces", "plain"]
    path = folder / "items.csv"
    rows = [f"i{n},cup {n},{site.address(kinds[n % 10], n, host=n)}" for n in range(count)]
    path.write_text("id,title,image\n" + "\n".join(rows) + "\n")
    return path


def made(path, out, cluster=None, report=silent):
    source = open_source(str(path))
    with ImageFetcher(OPTIONS) as fetcher:
        return ingest(source, out, fetcher=fetcher, part_rows=ROWS, cluster=cluster, report=report)


def test_actors_make_the_same_catalog_and_ask_for_each_picture_once(cluster, tmp_path):
    with faults(hosts=4) as site:
        path, told = table(tmp_path, site), []
        found = made(path, tmp_path / "ray", cluster, lambda progress: told.append(progress.done))
        hits = site.counts().hits
        here = made(path, tmp_path / "local")
    assert hits.total() == 110 + 11
    assert max(told) == 110
    assert found.manifest.image_status == {"not_an_image": 11, "ok": 99}
    assert found.manifest.data_sha256 == here.manifest.data_sha256
    assert len(found.parts) == 6
    assert not [*found.folder.rglob("*.journal")]


@pytest.mark.slow
def test_an_actor_that_is_killed_goes_on_from_what_had_arrived(cluster, tmp_path):
    with faults(hosts=4) as site:
        path, killed = table(tmp_path, site, 400), []

        def kill():
            while site.counts().hits.total() < 100:
                time.sleep(0.02)
            killed.append(workers()[0])
            os.kill(killed[0], signal.SIGKILL)
            (tmp_path / "ray" / "items" / ".part-00000.parquet.1-0123456789abcd.partial").touch()

        thread = Thread(target=kill)
        thread.start()
        found = made(path, tmp_path / "ray", cluster)
        thread.join()
        hits = site.counts().hits.total()
        here = made(path, tmp_path / "local")
    assert killed
    assert not [*found.folder.rglob("*.partial")]
    assert 440 <= hits <= 440 + 2 * OPTIONS.concurrency
    assert found.manifest.data_sha256 == here.manifest.data_sha256


def test_relative_paths_mean_the_same_to_an_actor_wherever_its_cluster_was_started(
    cluster, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures").mkdir()
    Image.new("RGB", (30, 20), (9, 99, 199)).save(tmp_path / "pictures" / "a.png")
    (tmp_path / "items.csv").write_text("id,title\na,b\n")
    source = open_source("items.csv", images=Path("pictures"))
    with ImageFetcher(OPTIONS) as fetcher:
        found = ingest(source, Path("c"), fetcher=fetcher, cluster=cluster)
    assert found.manifest.image_status == {"ok": 1}


def test_actors_that_would_not_make_the_same_are_refused_before_they_make_anything(cluster):
    class Odd:
        def told(self):
            return Told("here", {"process": os.getpid()})

        def write(self, piece, expected):
            raise AssertionError

    with (
        pytest.raises(FeaturizerError, match="here and here would not make the same: process"),
        actors(Odd, [], cluster, threads=1),
    ):
        raise AssertionError


def workers():
    """Return the numbers of the processes that make parts for this one, and for no other on the machine."""
    started = started_by(os.getpid())
    return [int(each) for each in started if "ray::PartWorker" in text_of(Path(f"/proc/{each}/cmdline"))]


def started_by(process):
    """Yield the numbers of the processes that a process started, and of those that these did."""
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        for child in text_of(path).split():
            yield child
            yield from started_by(child)


def text_of(path):
    """Return what the system says of a process; nothing where it has ended."""
    try:
        return path.read_text()
    except OSError:
        return ""


def test_a_share_is_every_nth_part_and_what_is_there_is_not_asked_for_again(tmp_path):
    with faults(hosts=4) as site:
        source, out = open_source(str(table(tmp_path, site))), tmp_path / "c"
        out.mkdir()
        plan = PartPlan(source, out, TextRecipe(), catalog_schema(source.extra), rows=ROWS)
        worker = PartWorker(plan, OPTIONS)
        with pytest.raises(FeaturizerError, match="does not see"):
            worker.told()
        (out / STAGE_FILE).write_text("{}")
        expected = worker.told().fingerprint
        worker.write(Share(2, 3), expected)
        assert [part_path(out, index).exists() for index in range(6)] == [
            False,
            True,
            False,
            False,
            True,
            False,
        ]
        asked = site.counts().hits.total()
        worker.write(Share(2, 3), expected)
        assert site.counts().hits.total() == asked
        with pytest.raises(FeaturizerError, match="started again would not make the same"):
            worker.write(Share(1, 3), "0" * 64)


def test_each_of_several_asks_one_host_for_its_share_alone(tmp_path, monkeypatch):
    given = []

    class Noted(ImageFetcher):
        def __init__(self, options):
            given.append(options)
            super().__init__(options)

    monkeypatch.setattr("featurizer.catalog.part_worker.ImageFetcher", Noted)
    (tmp_path / "items.csv").write_text("id,title\na,b\n")
    source = open_source(str(tmp_path / "items.csv"))
    plan = PartPlan(source, tmp_path / "c", TextRecipe(), catalog_schema(source.extra), rows=ROWS)
    plan.folder.mkdir()
    (plan.folder / STAGE_FILE).write_text("{}")
    for options in (OPTIONS, replace(OPTIONS, per_host=1)):
        worker = PartWorker(plan, options)
        worker.write(Share(1, 3), worker.told().fingerprint)
    assert [options.per_host for options in given] == [1, 1]


@pytest.mark.parametrize("given", [{"update": True}, {"retry_failed": True}])
def test_what_is_missing_is_asked_for_from_one_process(tmp_path, given):
    with pytest.raises(InputError, match="leave --engine ray out"):
        Ingest(path=("items.csv",), out=tmp_path / "c", engine="ray", **given)
    if "update" not in given:
        with pytest.raises(InputError, match="leave --engine ray out"):
            Download(dataset="sample", out=tmp_path / "c", engine="ray", **given)


def test_a_spreadsheet_that_is_open_here_is_opened_there(cluster, tmp_path):
    pytest.importorskip("python_calamine")
    path, out = tmp_path / "items.xlsx", tmp_path / "c"
    rows = [("id", "title"), *((f"i{n}", f"cup {n}") for n in range(30))]
    path.write_bytes(workbook({"items": rows}))
    found = made(path, tmp_path / "ray", cluster)
    assert found.manifest.data_sha256 == made(path, tmp_path / "here").manifest.data_sha256
    out.mkdir()
    (out / STAGE_FILE).write_text("{}")
    source = open_source(str(path))
    plan = PartPlan(source, out, TextRecipe(), catalog_schema(source.extra))
    here = PartWorker(plan, OPTIONS).told()
    path.write_bytes(workbook({"items": [*rows, ("i30", "cup 30")]}))
    assert PartWorker(replace(plan, source=replace(source)), OPTIONS).told() != here
