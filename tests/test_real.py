"""Real products and real encoders, through the program: minutes long, run by make test-slow."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from featurizer.report.gather import gather

pytestmark = pytest.mark.slow
STAMPS = Path("/usr/share/tuxpaint/stamps")


def featurizer(*arguments):
    command = [sys.executable, "-m", "featurizer", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def fashion(shared_data, tmp_path_factory):
    folder = shared_data / "fashion-3k"
    out = tmp_path_factory.mktemp("fashion") / "catalog"
    featurizer("ingest", folder / "items.csv", "--images", folder / "images", "--out", out)
    return out


def test_neighbors_of_real_products_share_their_category(fashion, tmp_path):
    out = tmp_path / "features"
    featurizer("extract", fashion, "--encoder", "efficientnet-lite0", "--encoder", "minilm", "--out", out)
    shown = json.loads(featurizer("inspect", out, "--label", "subCategory", "--catalog", fashion, "--json"))
    assert shown["rows"] == 3000
    assert {name: space["null"] for name, space in shown["spaces"].items()} == {
        "efficientnet-lite0_image": 0,
        "minilm_text": 0,
    }
    assert shown["label_accuracy"]["efficientnet-lite0_image"]["accuracy"] >= 0.83
    assert shown["label_accuracy"]["minilm_text"]["accuracy"] >= 0.90
    checked = json.loads(featurizer("verify", out, "--catalog", fashion, "--sample", 50, "--json"))
    assert checked == {"ok": True, "kind": "feature set", "problems": [], "notes": []}


def test_killed_at_ten_random_moments_a_real_extract_ends_with_the_same_hashes(fashion, tmp_path):
    options = ("--encoder", "minilm", "--shard-rows", "128")

    def hashes(out):
        return [shard["sha256"] for shard in json.loads((out / "feature_set.json").read_text())["shards"]]

    command = [sys.executable, "-m", "featurizer", "extract", fashion, *options, "--out"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}

    def start(out):
        return subprocess.Popen([*map(str, command), str(out)], **quiet)

    begun = time.perf_counter()
    whole = start(tmp_path / "whole")
    while whole.poll() is None and not (tmp_path / "whole" / ".stage.json").exists():
        time.sleep(0.02)
    loaded = time.perf_counter()
    assert whole.wait() == 0
    loading, encoding = loaded - begun, time.perf_counter() - loaded
    draw, killed = random.Random(0), 0
    for _ in range(10):
        child = start(tmp_path / "f")
        time.sleep(draw.uniform(0.5 * loading, loading + encoding / 6))
        child.kill()
        killed += child.wait() == -signal.SIGKILL
    assert killed >= 5
    featurizer("extract", fashion, *options, "--out", tmp_path / "f")
    assert hashes(tmp_path / "f") == hashes(tmp_path / "whole")


def test_every_tux_paint_stamp_becomes_a_vector(tmp_path):
    if not STAMPS.is_dir():
        pytest.skip("no stamps: apt-get install tuxpaint-stamps-default")
    made = json.loads(featurizer("ingest", STAMPS, "--out", tmp_path / "c", "--json"))
    pictures = len(list(STAMPS.rglob("*.png")))
    assert made["rows"] == pictures >= 500
    assert made["image_status"] == {"ok": pictures}
    out = tmp_path / "f"
    encoded = json.loads(
        featurizer(
            "extract", tmp_path / "c", "-e", "efficientnet-lite0", "-e", "minilm", "--out", out, "--json"
        )
    )
    assert encoded["rows"] == pictures
    assert encoded["null"]["efficientnet-lite0_image"] == 0
    assert encoded["failures"] == {}
    shown = gather([tmp_path / "c", out], tsne=False)
    opening = shown.words.levels[shown.level].labels
    assert 2 * sum(label is not None for label in opening) > pictures
