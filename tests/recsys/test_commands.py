"""`train` and `recommend` as a user runs them."""

from __future__ import annotations

import io
import json
import signal
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
from toy import toy_features, toy_interactions

from featurizer.cli.app import main
from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.features.feature_set import FeatureSet
from featurizer.interactions.store import write_interactions

SMALL = (
    "--epochs",
    "4",
    "--learning-rate",
    "0.03",
    "--batch-size",
    "64",
    "--device",
    "cpu",
)


@dataclass(frozen=True)
class Done:
    """What a command left: its exit code and what it printed."""

    code: int
    stdout: str
    stderr: str


def featurizer(*arguments) -> Done:
    """Run the program in this process: importing torch anew for each command would take ten seconds."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["featurizer", *map(str, arguments)])
        patch.setattr(signal, "signal", lambda *_: None)
        patch.setenv("COLUMNS", "200")
        try:
            main()
        except SystemExit as stopped:
            code = stopped.code or 0
    return Done(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    ids, vectors = toy_features()
    space = ArraySpace("unified", "both", vectors)
    write_arrays(folder / "features", ids[:28], [space_of(space, 28)])
    frame = toy_interactions().with_columns(timestamp=None, rating=None)
    write_interactions(frame, folder / "interactions.parquet")
    return folder


def space_of(space: ArraySpace, rows: int) -> ArraySpace:
    return ArraySpace(space.name, space.modality, space.vectors[:rows])


@pytest.fixture(scope="module")
def trained(world):
    done = featurizer(
        "train", world / "features", "--interactions", world / "interactions.parquet", "--out", world / "model",
        "--seeds", "2", "--json", *SMALL,
    )  # fmt: skip
    assert done.code == 0, done.stderr
    return done


def test_train_prints_the_promised_json_and_names_what_it_lacks(trained):
    summary = json.loads(trained.stdout)
    assert summary["model"] == "alignrec"
    assert {"best_epoch", "epochs", "seconds", "valid", "test", "seeds"} <= set(summary)
    assert {"recall@20", "ndcg@20", "precision@20", "map@20", "recall@10"} <= set(summary["test"])
    assert [set(row) >= {"seed", "valid", "test"} for row in summary["seeds"]] == [True, True]
    assert (
        "2 items have no feature and learn from ids alone\n2 of them are not in the feature set, such as i028, i029"
        in (trained.stderr)
    )


def test_recommend_prints_a_list_and_exports_feature_sets(world, trained):
    done = featurizer(
        "recommend", world / "model", "--user", "u001", "-k", "5", "--export", world / "vectors"
    )
    assert done.code == 0, done.stderr
    assert len(done.stdout.strip().splitlines()) == 2 + 5
    assert (world / "vectors/items/feature_set.json").exists()


@pytest.mark.usefixtures("trained")
def test_an_export_goes_into_no_folder_that_holds_something_else(world, tmp_path):
    (tmp_path / "feature_set.json").write_text("{}")
    told = featurizer("recommend", world / "model", "--user", "u001", "--export", tmp_path, "--overwrite")
    assert told.code == 1
    assert "holds feature_set.json, expected a new or empty folder" in told.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["feature_set.json"]


def test_an_export_of_another_model_is_replaced_only_with_overwrite(world, trained, tmp_path):
    write_arrays(tmp_path / "users", ["u"], [ArraySpace("recsys", "both", np.ones((1, 2), np.float32))])
    given = ("recommend", world / "model", "--user", "u001", "--export", tmp_path)
    refused = featurizer(*given)
    assert refused.code == 1
    assert "--overwrite" in refused.stderr
    assert featurizer(*given, "--overwrite").code == 0
    assert FeatureSet.open(tmp_path / "users").rows == 40


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--space", "unifed"), "did you mean unified?"),
        (("--model", "lightgnc"), "unknown recommender 'lightgnc': did you mean lightgcn"),
        (("--model", "bpr", "--exact"), "bpr has no preset 'exact'"),
        (("--model", "lightgcn", "--alpha", "0.5"), "lightgcn has no use for --alpha"),
        (("--moving-target",), "add --exact"),
        (("--interactions", "nowhere.csv"), "nowhere.csv does not exist"),
        (("--device", "gpu"), "unknown device 'gpu'"),
        (("--min-coverage", "1"), "2 items of the interactions are not in the feature set"),
    ],
)
def test_bad_input_ends_in_one_clear_paragraph(world, options, message):
    given = dict(zip(SMALL[::2], SMALL[1::2], strict=True)) | {
        "--interactions": world / "interactions.parquet"
    }
    usual = [word for pair in given.items() if pair[0] not in options for word in pair]
    done = featurizer("train", world / "features", "--out", world / "other", *usual, *options)
    assert done.code == 1
    assert message in done.stderr.strip().splitlines()[-1]
    assert not (world / "other").exists()


def test_a_search_for_a_folder_that_holds_a_model_is_refused_before_it_begins(world, trained):
    done = featurizer(
        "train", world / "features", "--interactions", world / "interactions.parquet", "--out", world / "model",
        "--tune", "--trials", "1", *SMALL,
    )  # fmt: skip
    assert done.code == 1
    assert "chosen without this search" in done.stderr
    assert not (world / "model/tune").exists()


def test_the_table_has_each_seed_and_the_hint_names_a_user_who_has_train_items(world, tmp_path):
    frame = toy_interactions().filter((pl.col("user_id") != "u000") | (pl.col("split") != "train"))
    write_interactions(frame.with_columns(timestamp=None, rating=None), tmp_path / "i.parquet")
    done = featurizer(
        "train",
        world / "features",
        "-i",
        tmp_path / "i.parquet",
        "--out",
        tmp_path / "model",
        "--seeds",
        "2",
        *SMALL,
    )
    assert done.code == 0, done.stderr
    lines = done.stdout.split("each seed\n")[1].splitlines()
    seeds = json.loads((tmp_path / "model/model/manifest.json").read_text())["seeds"]
    for line, seed in zip(lines[2:4], seeds, strict=True):
        found = [float(cell) for cell in line.split()]
        told = [seed["seed"], seed["best_epoch"], seed["valid"]["recall@20"], seed["test"]["recall@20"]]
        assert found == pytest.approx(told, rel=1e-3)
    assert "1 users have no train items" in done.stderr
    assert done.stderr.strip().endswith("--user u001")


def test_tuning_prints_its_table_and_trains_with_the_best(world):
    done = featurizer(
        "train", world / "features", "--interactions", world / "interactions.parquet", "--out", world / "tuned",
        "--model", "lightgcn", "--tune", "--trials", "2", *SMALL,
    )  # fmt: skip
    assert done.code == 0, done.stderr
    best = json.loads((world / "tuned/tune/tune.json").read_text())["best"]
    config = json.loads((world / "tuned/model/config.json").read_text())
    assert config["training"]["learning_rate"] == best["learning_rate"]
    assert config["model"]["l2"] == best["l2"]
    assert "valid recall@20" in done.stderr
