"""A recipe killed at twenty random moments, in processes of its own, ends as an uninterrupted one does."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.recipes.shop import contents, make_shop

ROOT = Path(__file__).parent.parent.parent
PROGRAM = [sys.executable, "-m", "featurizer", "run", "shop.yaml"]
KILLS = 20


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_twenty_kills_at_random_moments_leave_the_same_hashes(tmp_path, site):
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(site), str(ROOT)]),
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
    }
    straight, killed = make_shop(tmp_path / "a" / "shop"), make_shop(tmp_path / "b" / "shop")
    begun = time.monotonic()
    subprocess.run(PROGRAM, cwd=straight, env=environment, check=True, capture_output=True)
    whole, moments = time.monotonic() - begun, random.Random(7)
    cut = 0
    while cut < KILLS:
        child = subprocess.Popen(
            PROGRAM, cwd=killed, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            child.wait(timeout=moments.uniform(0.3, 0.8) * whole)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.wait()
            cut += 1
            continue
        # it got to its end between two kills: begin anew
        assert child.returncode == 0
        assert contents(killed / "out") == contents(straight / "out")
        (killed / "out").rename(killed / f"out-{cut}")
    subprocess.run(PROGRAM, cwd=killed, env=environment, check=True, capture_output=True)
    assert contents(killed / "out") == contents(straight / "out")
