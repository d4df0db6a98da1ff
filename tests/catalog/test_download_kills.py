"""What is killed while it fetches goes on from what had arrived: nothing is fetched twice but what was in flight."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pyarrow.parquet as pq
import pytest

from featurizer.catalog.store import Catalog
from tests.servers.faults import faults

AT_ONCE = 8
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


def table(folder, site, count):
    """Write a table of pictures, some slow to come, one in ten of them at the second try alone."""
    kinds = ["plain", "plain", "late", "plain", "once_503", "in_pieces", "plain", "late", "chunked", "plain"]
    rows = [f"i{n},{site.address(kinds[n % len(kinds)], n, host=n)}" for n in range(count)]
    path = folder / "items.csv"
    path.write_text("id,image\n" + "\n".join(rows) + "\n")
    return path


def ingest(path, out):
    command = [sys.executable, "-m", "featurizer", "ingest", str(path), "--out", str(out)]
    command += ["--allow-private-hosts", "--concurrency", str(AT_ONCE)]
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    )


def killed_at(site, process, requests, number):
    """Send a signal once so many requests have come; return whether it was still at work."""
    while process.poll() is None:
        if site.counts().hits.total() >= requests:
            process.send_signal(number)
            process.communicate(timeout=60)
            return True
        time.sleep(0.01)
    process.communicate()
    return False


def play(folder, count, kills):
    """Ingest, killed at so many moments, and once more uninterrupted; compare."""
    draw = random.Random(count)
    with faults(hosts=4) as site:
        path, out = table(folder, site, count), folder / "killed"
        moments = sorted(draw.sample(range(AT_ONCE, count), kills))
        killed = sum(
            killed_at(site, ingest(path, out), moment, SIGNALS[place % len(SIGNALS)])
            for place, moment in enumerate(moments)
        )
        last = ingest(path, out)
        _, told = last.communicate(timeout=240)
        assert last.returncode == 0, told
        hits = site.counts().hits
        whole = ingest(path, folder / "whole")
        assert whole.wait(240) == 0
        whole.communicate()
    assert killed >= kills - 1  # the last moment may be too late
    twice = count // 10  # of their own accord
    assert count + twice <= hits.total() <= count + twice + killed * 2 * AT_ONCE
    made, expected = Catalog.open(out).manifest, Catalog.open(folder / "whole").manifest
    assert made.image_status == {"ok": count}
    assert made.data_sha256 == expected.data_sha256
    assert not [*(out / "items").glob("*.journal")]
    return out


def test_killed_three_times_each_picture_is_fetched_once_and_the_data_are_the_same(tmp_path):
    out = play(tmp_path, 200, 3)
    entries = pq.read_table(out / "fetches").to_pylist()
    assert len(entries) == 200
    assert {entry["status"] for entry in entries} == {"ok"}
    assert all(entry["first"] <= entry["last"] and entry["bytes"] for entry in entries)
    assert "attempts" not in json.loads((out / "catalog.json").read_text())["columns"]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_at_twenty_moments_of_three_thousand_pictures(tmp_path):
    play(tmp_path, 3000, 20)
