"""The same input gives the same bytes twice on the CPU, in processes that are told other things around it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from featurizer.catalog.store import Catalog
from featurizer.errors import StaleOutput
from featurizer.features.feature_set import FeatureSet
from featurizer.interactions.store import write_interactions
from featurizer.results.files import read_json
from tests.ica.conftest import record
from tests.support.computed import compute
from tests.support.items import make_catalog

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """A catalog of 120 items, and 2,000 users who bought ten of them each."""
    folder = tmp_path_factory.mktemp("given")
    make_catalog(folder / "catalog", [record(n) for n in range(120)], part_rows=50)
    draw = np.random.default_rng(0)
    rows = [
        (f"u{user}", f"i{item}", split)
        for user in range(2000)
        for item, split in zip(
            draw.choice(120, 10, replace=False), [*["train"] * 8, "valid", "test"], strict=True
        )
    ]
    frame = pl.DataFrame(rows, schema=["user_id", "item_id", "split"], orient="row").with_columns(
        timestamp=pl.lit(None, pl.Int64), rating=pl.lit(None, pl.Float64)
    )
    write_interactions(frame, folder / "interactions.parquet")
    return folder


def computed(given, out, threads, around):
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": str(around),
        "OMP_WAIT_POLICY": "passive",  # threads that wait while others are at work slow both down
    }
    command = [given / "catalog", given / "interactions.parquet", out, threads]
    subprocess.run(
        [sys.executable, "-m", "tests.support.computed", *map(str, command)], env=environment, check=True
    )
    return out


@pytest.fixture(scope="module")
def twice(given, tmp_path_factory):
    """Two runs on two threads, in environments that ask for one and for two."""
    folder = tmp_path_factory.mktemp("twice")
    return [computed(given, folder / f"around-{around}", 2, around) for around in (1, 2)]


def contents(folders, pattern):
    return [{path.name: path.read_bytes() for path in folder.glob(pattern)} for folder in folders]


@pytest.mark.parametrize(
    "pattern",
    [
        "features/data/*",
        "ica/tokens/shards/*/*",
        "ica/model/model.safetensors",
        "ica/features/data/*",
        "model/model/model.safetensors",
        "model/*.parquet",
    ],
)
def test_two_processes_with_as_many_threads_write_the_same_bytes(twice, pattern):
    one, other = contents(twice, pattern)
    assert one == other
    assert one


def test_the_number_of_threads_is_recorded_and_decides_the_last_digits(given, twice, tmp_path):
    compute(Catalog.open(given / "catalog"), given / "interactions.parquet", tmp_path, 1)
    recorded = [
        (
            FeatureSet.open(folder / "features").manifest.threads,
            FeatureSet.open(folder / "ica" / "features").manifest.threads,
            read_json(folder / "ica" / "model" / "manifest.json")["config"]["threads"],
            read_json(folder / "model" / "model" / "manifest.json")["config"]["training"]["threads"],
        )
        for folder in (tmp_path, twice[0])
    ]
    assert recorded == [(1,) * 4, (2,) * 4]
    one, two = contents([tmp_path, twice[0]], "features/data/*")
    assert one != two
    sets = [FeatureSet.open(folder / "features") for folder in (tmp_path, twice[0])]
    np.testing.assert_allclose(*(found.vectors("spread_image")[0] for found in sets), atol=1e-5)


@pytest.mark.parametrize("stage", ["features", "ica", "model"])
def test_a_run_on_another_number_of_threads_is_refused_by_that_name(given, twice, stage, tmp_path):
    (tmp_path / stage).symlink_to(twice[0] / stage)
    with pytest.raises(StaleOutput, match=r"differing: (training\.)?threads \(2 there, 1 asked for\)"):
        compute(Catalog.open(given / "catalog"), given / "interactions.parquet", tmp_path, 1)
