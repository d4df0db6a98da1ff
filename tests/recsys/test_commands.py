"""`train` and `recommend` as a user runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from toy import toy_features, toy_interactions

from featurizer.cli.app import main
from featurizer.features.arrays import ArrayOptions, ArraySpace, write_arrays
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


def featurizer(*arguments):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    command = [sys.executable, "-m", "featurizer", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    features = toy_features()
    space = ArraySpace("unified", "both", features.vectors)
    write_arrays(folder / "features", list(features.item_ids)[:28], [space_of(space, 28)], ArrayOptions())
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
    assert done.returncode == 0, done.stderr
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
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.strip().splitlines()) == 2 + 5
    assert (world / "vectors/items/feature_set.json").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--space", "unifed"), "did you mean unified?"),
        (("--model", "bpr", "--exact"), "--exact is AlignRec's"),
        (("--model", "lightgcn", "--alpha", "0.5"), "lightgcn has no use for --alpha"),
        (("--moving-target",), "add --exact"),
        (("--interactions", "nowhere.csv"), "nowhere.csv does not exist"),
        (("--device", "gpu"), "unknown device 'gpu'"),
        (("--min-coverage", "1"), "2 items of the interactions are not in the feature set"),
    ],
)
def test_bad_input_ends_in_one_clear_paragraph(world, options, message, monkeypatch, capsys):
    given = (
        "train", world / "features", "--interactions", world / "interactions.parquet", "--out", world / "other",
        *SMALL, *options,
    )  # fmt: skip
    monkeypatch.setattr(sys, "argv", ["featurizer", *map(str, given)])
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 1
    assert message in capsys.readouterr().err.strip().splitlines()[-1]
    assert not (world / "other").exists()


def test_tuning_prints_its_table_and_trains_with_the_best(world):
    done = featurizer(
        "train", world / "features", "--interactions", world / "interactions.parquet", "--out", world / "tuned",
        "--model", "lightgcn", "--tune", "--trials", "2", *SMALL,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    best = json.loads((world / "tuned/tune/tune.json").read_text())["best"]
    config = json.loads((world / "tuned/model/config.json").read_text())
    assert config["training"]["learning_rate"] == best["learning_rate"]
    assert config["model"]["l2"] == best["l2"]
    assert "valid recall@20" in done.stderr
