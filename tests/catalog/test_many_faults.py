"""A catalog of addresses of which many misbehave: each is accounted for, and the dead ones hold nobody up."""

import logging
import os
import subprocess
import sys
import time

import pytest

from featurizer.catalog.column_names import ColumnNames
from featurizer.catalog.images import FetchOptions, ImageFetcher
from featurizer.catalog.ingest import ingest
from featurizer.catalog.retry import RetryPolicy
from featurizer.catalog.store import Catalog
from featurizer.catalog.table import TableSource
from tests.servers.faults import faults
from tests.servers.kinds import KINDS

HOSTS = 40
logger = logging.getLogger(__name__)
GIVEN_UP = {"connection", "timeout", "host_down"}
IN_A_CELL = [kind for kind in KINDS if kind not in ("line_break", "half_a_surrogate")]
"""Kinds whose address a line of CSV can hold."""


def addresses(site, count, *, dead, start=0, kinds=IN_A_CELL):
    """Yield addresses and what their rows may say: one in four misbehaves, and one in twenty is on a dead host."""
    for number in range(start, start + count):
        if dead and number % 20 == 7:
            way = site.dead_address if number % 40 == 7 else site.full_address
            yield way(number), GIVEN_UP
        else:
            turn, rest = divmod(number, 4)
            kind, host = ("plain", number) if rest else (kinds[turn % len(kinds)], turn)
            yield site.address(kind, number, host=host), {KINDS[kind].reason}


def written(path, asked):
    path.write_text("id,image\n" + "".join(f'i{n},"{url}"\n' for n, (url, _) in enumerate(asked)))
    return path


def unexpected(catalog, asked):
    found = catalog.column("image_status").to_pylist()
    assert len(found) == len(asked)
    return [
        (url, status) for status, (url, reasons) in zip(found, asked, strict=True) if status not in reasons
    ]


def test_every_address_is_accounted_for_and_dead_hosts_are_given_up(tmp_path):
    hasty = FetchOptions(
        connect_timeout=1, read_timeout=1, total_timeout=2, max_bytes=2**20, allow_private_hosts=True,
        give_up_seconds=0.3, retry=RetryPolicy(3, wait_initial=0.05, wait_max=0.2, wait_jitter=0, retry_after_max=1),
    )  # fmt: skip
    with faults(HOSTS) as site, ImageFetcher(hasty) as fetcher:
        asked = [*addresses(site, 800, dead=True)]
        table = written(tmp_path / "items.csv", asked)
        made = ingest(TableSource(table, ColumnNames()), tmp_path / "c", fetcher=fetcher, part_rows=50)
    wrong = unexpected(made, asked)
    assert len(wrong) <= 8, wrong
    assert made.manifest.image_status["host_down"] > 5


def run(folder, site, count, *, dead, start):
    """Ingest with default options in a process of its own; return the seconds, the memory and what is wrong."""
    asked = [*addresses(site, count, dead=dead, start=start)]
    table, out = written(folder / f"{start}.csv", asked), folder / f"c{start}"
    command = [sys.executable, "-m", "featurizer", "ingest", table, "--out", out, "--allow-private-hosts"]
    begun = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0
    return time.monotonic() - begun, used.ru_maxrss, unexpected(Catalog.open(out), asked)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_ten_thousand_addresses_over_forty_hosts_by_default(tmp_path):
    with faults(HOSTS) as site:
        few = run(tmp_path, site, 1_000, dead=True, start=0)
        alive = run(tmp_path, site, 10_000, dead=False, start=100_000)
        all_of_them = run(tmp_path, site, 10_000, dead=True, start=200_000)
    for what, (seconds, memory, wrong) in {
        "1,000": few,
        "alive": alive,
        "with the dead": all_of_them,
    }.items():
        logger.info("%s: %.0f s, %.0f MiB, %d unexpected", what, seconds, memory / 1024, len(wrong))
    assert len(all_of_them[2]) <= 100, all_of_them[2][:20]
    assert all_of_them[0] <= 1.5 * alive[0]
    assert all_of_them[1] <= 1.2 * few[1]
