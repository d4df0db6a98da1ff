"""Inputs of the kinds that went wrong for people, each with its right value: a function a case, a row a case in CASES.

The inputs lie outside the repository, in the folder cases/ of FEATURIZER_SHARED.
"""

from __future__ import annotations

import json
import shutil

import numpy as np
import polars as pl
import pytest

from featurizer.features.feature_set import FeatureSet
from tests.support.program import run_program


class Case:
    """A case's folder, copied to where the program is run; and what the program answers there."""

    def __init__(self, folder, call):
        self.folder, self.call = folder, call

    def run(self, *arguments):
        code, said, told = self.call(*arguments)
        assert code == 0, told
        return said, told


def random_floor_counts_unreachable(case):
    floor, told = random_floor(case, "leak.csv")
    assert "15 test pairs are train pairs too and can never be found" in told
    assert floor == pytest.approx(0.2698, abs=0.001)


def nan_floor_crash(case):
    random_floor(case, "glut.csv")


def random_floor(case, pairs):
    """Return Recall@10 of the random floor, which equals that of 4000 drawn orders, and what was said."""
    ten = ("--metrics", "zero-shot", "--k", 10)
    _, told = case.run("score-features", "fs", "-i", pairs, *ten, "--out", "s")
    rows = json.loads((case.folder / "s/scores.json").read_text())["scores"]
    (floor,) = [
        row["value"] for row in rows if row["metric"] == "floor_random_recall" and row["split"] == "test"
    ]
    frame, ids = pl.read_csv(case.folder / pairs, infer_schema=False), FeatureSet.open("fs").item_ids()
    recalls, generator = [], np.random.default_rng(0)
    for _, rows in frame.group_by("user_id", maintain_order=True):
        train, test = (set(rows.filter(pl.col("split") == name)["item_id"]) for name in ("train", "test"))
        candidates = [item for item in ids if item not in train]
        if train and test:
            shown = (set(generator.permutation(candidates)[:10]) for _ in range(4000))
            recalls.append(np.mean([len(test & one) / len(test) for one in shown]))
    assert floor == pytest.approx(np.mean(recalls), abs=0.002)
    return floor, told


CASES = {
    "nan-floor-crash": nan_floor_crash,
    "random-floor-counts-unreachable": random_floor_counts_unreachable,
}


@pytest.mark.parametrize("name", CASES)
def test_a_case_comes_out_right(name, shared_cases, tmp_path, monkeypatch, capsys):
    shutil.copytree(shared_cases / name, tmp_path / name, symlinks=True)
    monkeypatch.chdir(tmp_path / name)
    CASES[name](Case(tmp_path / name, lambda *given: run_program(monkeypatch, capsys, *given)))
