"""Whoever makes the tokens of a catalog, their bytes are the same: this process, or actors of a Ray cluster."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from featurizer.actors import Cluster, connected
from featurizer.errors import FeaturizerError, InputError
from featurizer.ica.encoders import load_encoders
from featurizer.ica.token_shard import DONE
from featurizer.ica.token_store import cache_tokens, shard_folder
from featurizer.ica.token_worker import TokenPlan, TokenWorker, on_ray
from featurizer.operations.pretrain_ica import PretrainIca
from tests.support.items import make_catalog
from tests.support.small_encoders import install

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", autouse=True)
def plugin(tmp_path_factory):
    """An encoder that other processes find too."""
    site = install(tmp_path_factory.mktemp("plugins") / "site")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        patch.setenv("PYTHONPATH", f"{site}{os.pathsep}{ROOT}")
        yield


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """1,100 items, three shards of tokens."""
    from tests.ica.conftest import record

    return make_catalog(tmp_path_factory.mktemp("tokens") / "c", [record(n) for n in range(1100)])


@pytest.fixture(scope="module")
def frozen():
    return load_encoders("small", "small", device="cpu", threads=1)


@pytest.fixture(scope="module")
def here(large, frozen, tmp_path_factory):
    return cache_tokens(large, frozen, tmp_path_factory.mktemp("here") / "t").folder


def bytes_of(folder):
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.glob("shards/*/*") if path.is_file()
    }


def plan(large, out):
    return TokenPlan(large.folder, out, "small", "small", "cpu", 1)


def test_a_worker_makes_the_shard_that_this_process_makes_and_asks_first(large, here, tmp_path):
    worker = TokenWorker(plan(large, tmp_path / "t"))
    expected = worker.told().fingerprint
    assert worker.write(2, expected) == 1100 - 2 * 512
    made = shard_folder(tmp_path / "t", 2)
    assert {path.name: path.read_bytes() for path in made.iterdir()} == {
        path.name: path.read_bytes() for path in shard_folder(here, 2).iterdir()
    }
    stamp = (made / DONE).stat().st_mtime_ns
    assert worker.write(2, expected) == 1100 - 2 * 512
    assert (made / DONE).stat().st_mtime_ns == stamp
    with pytest.raises(FeaturizerError, match="started again would not make the same"):
        worker.write(1, "0" * 64)


@pytest.fixture(scope="module")
def cluster():
    pytest.importorskip("ray")
    with connected(None):
        yield Cluster(workers=1)


def test_actors_make_the_same_tokens_and_go_on_where_another_stopped(cluster, large, frozen, here, tmp_path):
    out, told = tmp_path / "t", []

    def broken_off(todo, tick):
        worker = TokenWorker(plan(large, out))
        worker.write(todo[0], worker.told().fingerprint)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache_tokens(large, frozen, out, make=broken_off)
    make = on_ray(plan(large, out), cluster, large, frozen)
    cache_tokens(large, frozen, out, report=lambda progress: told.append(progress.done), make=make)
    assert told[0] == 512
    assert told[-1] == 1100
    assert bytes_of(out) == bytes_of(here)


def test_workers_that_would_not_make_what_this_process_reads_are_refused(cluster, large, frozen, tmp_path):
    make = on_ray(plan(large, tmp_path / "t"), cluster, large, replace(frozen, threads=2))
    with pytest.raises(FeaturizerError, match=r"would not make the same: threads"):
        cache_tokens(large, frozen, tmp_path / "t", make=make)
    assert not (tmp_path / "t" / "tokens.json").exists()


def test_the_command_takes_workers_for_the_cache_alone(tmp_path):
    given = {"catalog": tmp_path, "vision": "small", "text": "small", "out": tmp_path / "o"}
    with pytest.raises(InputError, match="--no-cache does without"):
        PretrainIca(**given, engine="ray", cache=False)
    with pytest.raises(InputError, match="are for --engine ray"):
        PretrainIca(**given, workers=2)
    assert PretrainIca(**given, engine="ray", workers=2).cluster.cluster() == Cluster(None, 2, 0.0)
