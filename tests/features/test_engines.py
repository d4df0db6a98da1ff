"""Whoever makes a shard, its bytes are the same: this process, parts of several, actors of a Ray cluster."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest
from PIL import Image

from featurizer.actors import Actors, Cluster, _reach, check_alike
from featurizer.catalog.store import Catalog
from featurizer.encoders.resolve import load_encoders
from featurizer.errors import FeaturizerError, InputError, StaleOutput
from featurizer.features.engines.on_ray import RayEngine, ray_engine
from featurizer.features.engines.plan import Plan, ShardWorker
from featurizer.features.extract import ExtractOptions, extract, extract_part, write_extracted
from featurizer.features.feature_set import FeatureSet
from featurizer.features.shards import finished_shard
from featurizer.features.supervised import read_supervised
from featurizer.features.write import EVERYTHING, Part
from featurizer.operations.extract import Extract
from featurizer.records import ImageRef, ItemRecord
from featurizer.results.files import atomic_path, file_sha256
from featurizer.results.locks import one_at_a_time, writing
from featurizer.results.stage import Stage
from featurizer.results.store_path import place
from tests.support.items import make_catalog
from tests.support.small_encoders import install
from tests.support.stores import copied

ROOT = Path(__file__).parents[2]
OPTIONS = ExtractOptions(batch_size=4, shard_rows=5, threads=1)
SLOW = """
import os, time
from pathlib import Path
from featurizer.encoders.family import EncoderFamily
from tests.support import small_encoders


class Slow(small_encoders.SmallText):
    def encode(self, prepared):
        (Path(os.environ["AT_WORK"]) / str(os.getpid())).touch()
        time.sleep(float(os.environ.get("PAUSE", "0.05")))
        return super().encode(prepared)


FAMILY = EncoderFamily("slow", lambda request: [small_encoders.SmallImage(), Slow()])
"""


@pytest.fixture(scope="module", autouse=True)
def plugins(tmp_path_factory):
    """Two encoders that other processes find too, the second of which takes its time and says who is at it."""
    root = tmp_path_factory.mktemp("plugins")
    site, at_work = install(root / "site"), root / "at_work"
    at_work.mkdir()
    info = site / "slow_encoders-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: slow-encoders\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[featurizer.encoders]\nslow = slow_family:FAMILY\n")
    (site / "slow_family.py").write_text(SLOW)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        patch.setenv("PYTHONPATH", f"{site}{os.pathsep}{ROOT}")
        patch.setenv("AT_WORK", str(at_work))
        yield at_work


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """38 items, eight shards: one without a text, one with a picture that is broken."""
    records = [
        ItemRecord(
            f"i{row:02d}", title=f"cup number {row} of {'xyz'[row % 3]}", image=ImageRef(data=png(row))
        )
        for row in range(36)
    ]
    records += [ItemRecord("none"), ItemRecord("odd", title="odd", image=ImageRef(data=png(1)[:-30]))]
    return make_catalog(tmp_path_factory.mktemp("catalog") / "c", records)


@pytest.fixture(scope="module")
def expected(catalog, tmp_path_factory):
    made = extract(catalog, load_encoders(["small"]), tmp_path_factory.mktemp("local") / "f", OPTIONS)
    return hashes(made)


def png(row):
    file = io.BytesIO()
    Image.new("RGB", (9, 7), (5 * row, 200 - 5 * row, 90)).save(file, "PNG")
    return file.getvalue()


def hashes(made):
    return [file_sha256(path) for path in made.shards]


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2)])
def test_parts_make_the_same_set_and_the_last_of_them_closes_it(catalog, tmp_path, expected, order):
    encoders = load_encoders(["small"])
    closed = [extract_part(catalog, encoders, tmp_path / "f", OPTIONS, Part(number, 3)) for number in order]
    assert closed == [False, False, True]
    made = FeatureSet.open(tmp_path / "f")
    assert hashes(made) == expected
    assert made.manifest.failures == {"image: truncated": 1}
    assert not (tmp_path / "f" / ".shards").exists()
    assert extract_part(catalog, encoders, tmp_path / "f", OPTIONS, Part(1, 3))


def command(catalog, out, *more):
    return [
        sys.executable, "-m", "featurizer", "extract", str(catalog.folder), "--out", str(out), "--threads", "1",
        "--encoder", "slow", "--shard-rows", "5", "--batch-size", "4", *more,
    ]  # fmt: skip


def test_processes_that_share_a_folder_make_it_together_and_one_writes_card_and_state(
    catalog, tmp_path, expected
):
    def begin(part):
        return subprocess.Popen(
            command(catalog, tmp_path / "f", "--shard", part), stdout=subprocess.PIPE, text=True
        )

    running = [begin(part) for part in ("1/2", "2/2")]
    told = [process.communicate(timeout=240)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert sum("is written; the set is complete when all 2 are" in text for text in told) <= 1
    assert hashes(FeatureSet.open(tmp_path / "f")) == expected
    assert (tmp_path / "f" / "README.md").exists()
    (again,) = [begin("1/2")]
    assert again.communicate(timeout=240)[0].startswith(f"{tmp_path / 'f'}: 38 items")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"shard": "3/2"}, "I from 1 to N"),
        ({"shard": "1/2", "overwrite": True}, "leave --overwrite out"),
        ({"shard": "1/2", "engine": "ray"}, "leave --engine ray out"),
        ({"shard": "1/2", "update": True}, "leave --shard out"),
        ({"engine": "ray", "update": True}, "--engine ray too"),
        ({"address": "auto"}, "are for --engine ray"),
        ({"gpus_per_worker": 1}, "are for --engine ray"),
    ],
)
def test_options_that_exclude_each_other_are_refused(tmp_path, given, told):
    with pytest.raises(InputError, match=told):
        Extract(catalog=tmp_path, encoders=("small",), out=tmp_path / "f", **given)


def test_workers_that_would_make_other_bytes_are_refused(catalog, tmp_path):
    plan = Plan(catalog.folder, ("small",), tmp_path / "f", OPTIONS)
    one = ShardWorker(plan).told()
    check_alike([one, one])
    slow = ShardWorker(replace(plan, encoders=("slow",))).told()
    two = ShardWorker(replace(plan, options=replace(OPTIONS, threads=2))).told()
    others = [
        replace(one, host="far", config={**one.config, "libraries": {"numpy": "1.0"}}),
        replace(one, host="far", config={**one.config, "featurizer": "0.0.9"}),
        slow,
        two,
    ]
    for other, key in zip(others, ("libraries.numpy", "featurizer", "encoders", "threads"), strict=True):
        with pytest.raises(FeaturizerError, match=f"would not make the same: .*{key}"):
            check_alike([one, one, other])


@pytest.fixture(scope="module")
def cluster():
    """A cluster of this machine's own that says it has four cores, whatever there are."""
    ray = pytest.importorskip("ray")
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    ray.init(address="local", num_cpus=4, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    yield
    ray.shutdown()


def on_ray(catalog, out, workers, encoders=("small",), options=OPTIONS):
    plan = Plan(catalog.folder, encoders, out, options)
    with ray_engine(plan, Cluster(workers=workers)) as engine:
        assert len(engine.actors.handles) == workers
        assert write_extracted(
            out, engine.told.draft, engine, EVERYTHING, catalog, engine.told.taught, options
        )
    return FeatureSet.open(out)


@pytest.mark.parametrize("workers", [1, 2, pytest.param(4, marks=pytest.mark.slow)])
def test_actors_make_the_same_set_and_items_that_fail_are_rows(cluster, catalog, tmp_path, expected, workers):
    made = on_ray(catalog, tmp_path / "f", workers)
    assert hashes(made) == expected
    assert made.manifest.failures == {"image: truncated": 1}
    assert not list((tmp_path / "f").rglob("*.partial"))


def test_an_actor_that_is_killed_is_started_again_and_its_shards_with_it(
    cluster, catalog, tmp_path, expected, plugins
):
    killed = []

    def kill():
        while not killed:
            for path in plugins.iterdir():
                killed.append(int(path.name))
                os.kill(killed[0], signal.SIGKILL)
                return
            time.sleep(0.01)

    for path in plugins.iterdir():
        path.unlink()
    thread = Thread(target=kill)
    thread.start()
    made = on_ray(catalog, tmp_path / "f", 2, ("slow",))
    thread.join()
    assert killed
    assert len({path.name for path in plugins.iterdir()}) > 2
    assert hashes(made) == expected


def test_what_does_not_fit_or_load_is_a_clear_error(cluster, catalog, tmp_path):
    plan = Plan(catalog.folder, ("small",), tmp_path / "f", OPTIONS)
    with (
        pytest.raises(InputError, match="no room for 1,000 workers of 1 threads and 0 GPUs each"),
        ray_engine(plan, Cluster(workers=1000)),
    ):
        pass
    with (
        pytest.raises(InputError, match="no room for 1 worker of 1 threads and 1000 GPUs each"),
        ray_engine(plan, Cluster(gpus=1000)),
    ):
        pass
    with (
        pytest.raises(FeaturizerError, match="no folder; expected a catalog"),
        ray_engine(replace(plan, catalog=tmp_path / "nowhere"), Cluster(workers=1)),
    ):
        pass


def test_nobody_at_the_address_of_a_cluster_is_told_at_once():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        free = f"127.0.0.1:{taken.getsockname()[1]}"  # bound, and not listened at
        for address in (free, "127.0.0.1:port", "127.0.0.1:99999"):
            with pytest.raises(InputError, match=f"no Ray cluster at {address}: "):
                _reach(address)
        taken.listen()
        _reach(free)


@pytest.mark.slow
def test_sigterm_ends_a_run_as_it_does_without_ray(catalog, tmp_path, plugins):
    for path in plugins.iterdir():
        path.unlink()
    given = command(catalog, tmp_path / "f", "--engine", "ray", "--workers", "1")
    with subprocess.Popen(
        given, stderr=subprocess.PIPE, text=True, env=os.environ | {"PAUSE": "2"}
    ) as process:
        while not [*plugins.iterdir()]:
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert "interrupted; what is finished is kept" in errors
    assert "PC: @" not in errors


def test_workers_that_wait_for_room_are_told_of(cluster, catalog, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("featurizer.actors.PATIENCE", 0.01)
    with ray_engine(Plan(catalog.folder, ("small",), tmp_path / "f", OPTIONS), Cluster(workers=1)):
        assert "0 of 1 workers have begun" in caplog.text


def test_a_worker_asks_first_whether_a_shard_is_finished(catalog, tmp_path):
    worker = ShardWorker(Plan(catalog.folder, ("small",), tmp_path / "f", OPTIONS))
    (tmp_path / "f").mkdir()
    expected = worker.told().fingerprint
    first = worker.write(3, expected)
    stamp = (tmp_path / "f" / first.path).stat().st_mtime_ns
    assert worker.write(3, expected) == first
    assert (tmp_path / "f" / first.path).stat().st_mtime_ns == stamp


def test_what_a_dead_actor_began_to_write_is_removed(catalog, tmp_path):
    pytest.importorskip("ray")
    told = ShardWorker(Plan(catalog.folder, ("small",), tmp_path / "f", OPTIONS)).told()
    (tmp_path / "f" / "data").mkdir(parents=True)
    with atomic_path(tmp_path / "f" / "data" / "train") as partial:
        partial.touch()
        torn = partial.with_name(partial.name.replace(str(os.getpid()), "999999"))
        torn.touch()
    RayEngine(Actors([], told)).run(tmp_path / "f", told.draft, [], lambda *_: None)
    assert not torn.exists()


def test_what_was_made_as_something_else_is_no_shard_of_the_set(catalog, tmp_path):
    """A worker that was started again on another machine, or a mark that another configuration left."""
    (tmp_path / "f").mkdir()
    worker = ShardWorker(Plan(catalog.folder, ("small",), tmp_path / "f", OPTIONS))
    told = worker.told()
    with pytest.raises(FeaturizerError, match="started again would not make the same"):
        worker.write(0, "0" * 64)
    worker.write(0, told.fingerprint)
    assert finished_shard(tmp_path / "f", 0, told.draft) is not None
    other = replace(told.draft, config={**told.draft.config, "libraries": {"numpy": "1.0"}})
    assert finished_shard(tmp_path / "f", 0, other) is None


def test_processes_that_share_a_folder_claim_and_close_it_one_after_the_other(catalog, tmp_path):
    out, done = tmp_path / "f", Event()
    (out / ".featurizer").mkdir(parents=True)

    def run():
        with writing(out, fingerprint="x", shared=True):
            assert extract_part(catalog, load_encoders(["small"]), out, OPTIONS, Part(1, 1))
        done.set()

    thread = Thread(target=run)
    with one_at_a_time(out / ".featurizer" / "turn"):
        thread.start()
        assert not done.wait(3)
        assert not (out / "data").exists()
    thread.join()
    assert done.is_set()


def test_what_others_have_begun_in_a_shared_folder_is_not_cleared_away(tmp_path):
    first, second = (Stage(tmp_path / "f", "m.json", {"of": name}, ("data",)) for name in "ab")
    with writing(tmp_path / "f", fingerprint="x", shared=True):
        assert not first.claim(overwrite=False)
        with pytest.raises(StaleOutput, match="another configuration"):
            second.claim(overwrite=False)
    with writing(tmp_path / "f", fingerprint="y"):
        assert not second.claim(overwrite=False)


def test_what_stands_beside_the_manifest_is_there_before_it(catalog, tmp_path, monkeypatch):
    """A run that is killed as it closes the set leaves one that the next closes, not a finished one that lacks it."""
    encoders = load_encoders(["small"])
    taught = [replace(one, spec=replace(one.spec, supervised_items=("i01", "i02"))) for one in encoders]
    with monkeypatch.context() as patch:
        patch.setattr(Stage, "finish", killed)
        with pytest.raises(RuntimeError, match="killed"):
            extract(catalog, taught, tmp_path / "f", OPTIONS)
    assert not (tmp_path / "f" / "feature_set.json").exists()
    assert read_supervised(tmp_path / "f" / "supervised.parquet") == ["i01", "i02"]
    assert (tmp_path / "f" / ".featurizer" / "inputs.parquet").exists()
    made = extract(catalog, taught, tmp_path / "f", OPTIONS)
    assert set(made.manifest.files) == {"supervised.parquet"}


def killed(*_):
    raise RuntimeError("killed")


@pytest.mark.slow
def test_actors_write_straight_into_a_store(catalog, store, expected):
    bucket = place(store.bucket())
    stored = Catalog.open(copied(catalog.folder, bucket / "catalog"))
    subprocess.run(command(stored, bucket / "f", "--engine", "ray", "--workers", "2"), check=True)
    assert hashes(FeatureSet.open(bucket / "f")) == expected


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["driver", "raylet"])
def test_what_is_killed_at_any_moment_leaves_what_the_next_goes_on_with(
    catalog, tmp_path, expected, monkeypatch, victim
):
    pytest.importorskip("ray")
    for moment in range(10):
        out = tmp_path / str(moment)
        given = command(catalog, out, "--engine", "ray", "--workers", "2")
        monkeypatch.setenv("PAUSE", "2")
        with subprocess.Popen(given, start_new_session=True, stderr=subprocess.PIPE, text=True) as process:
            deadline = time.monotonic() + 120
            while len(list((out / "data").glob("*.parquet"))) < moment % 7 and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(0.3 * (moment // 7))
            while not (killed := [process.pid] if victim == "driver" else raylets_of(process.pid)):
                time.sleep(0.02)
            os.kill(killed[0], signal.SIGKILL)
            _, errors = process.communicate(timeout=120)
        assert process.returncode != 0 or victim == "raylet"  # whose workers may be done before they miss it
        assert "Traceback" not in errors
        monkeypatch.setenv("PAUSE", "0.05")
        done = subprocess.run(given, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr
        assert hashes(FeatureSet.open(out)) == expected


def raylets_of(process):
    """Return the numbers of the processes that are Ray's own on this machine, among those that a process started."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(child) for child in children if Path(f"/proc/{child}/comm").read_text() == "raylet\n"]
