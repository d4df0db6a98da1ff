"""How far a run is, in lines."""

from __future__ import annotations

import pytest

from featurizer.operations import bars
from featurizer.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    """Let a second pass with every look at the clock."""
    seconds = iter(range(10_000))
    monkeypatch.setattr(bars.time, "monotonic", lambda: float(next(seconds)))
    monkeypatch.setattr(bars, "LINE_SECONDS", 0.0)


def lines(*reports):
    told = []
    with bars.drawn(told.append, rich=False) as report:
        for one in reports:
            report(one)
    return told


def test_the_time_left_counts_what_is_likely_and_says_so(clock):
    found = lines(*(Progress("train", done, 1000, unit="epochs", likely=5) for done in (1, 2, 3, 4)))
    assert all("of 1,000 epochs" in line for line in found)
    left = [float(line.split("/s, ")[1].split(" s left")[0]) for line in found[1:]]
    rate = [float(line.split("epochs, ")[1].split("/s")[0]) for line in found[1:]]
    for seconds, speed, done in zip(left, rate, (2, 3, 4), strict=True):
        assert seconds == pytest.approx((5 - done) / speed, rel=0.25)
        assert seconds < 60, "a thousand epochs were counted"
    assert found[-1].endswith("left if it stops at 5")


def test_a_stage_that_goes_on_to_its_end_counts_all_of_it(clock):
    found = lines(*(Progress("catalog", done, 40) for done in (1, 2)), Progress("catalog", 40, 40))
    assert "left" in found[1]
    assert "if it stops" not in "".join(found)
    assert "left" not in found[-1]


def test_what_is_expected_is_the_likely_where_a_stage_may_stop_early():
    assert Progress("train", 1, 1000, likely=31).expected == 31
    assert Progress("catalog", 1, 40).expected == 40
    assert Progress("catalog", 1).expected is None
