import json
import shutil

import numpy as np
import polars as pl
import pytest
from toy import small, toy_data, toy_interactions
from typer.testing import CliRunner

from featurizer.cli.app import app
from featurizer.errors import FeaturizerError, InputError
from featurizer.interactions.store import write_interactions
from featurizer.recsys.compare import compare
from featurizer.recsys.train import train
from featurizer.recsys.vectors import read_vectors, write_vectors


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Two models of a few epochs, the second barely trained, and the interactions they come from."""
    out = tmp_path_factory.mktemp("models")
    write_interactions(toy_interactions().with_columns(timestamp=None, rating=None), out / "i.parquet")
    for name, epochs in (("good", 8), ("poor", 1)):
        chosen = small(training={"epochs": epochs, "learning_rate": 0.03})
        train(out / name, chosen, toy_data(), inputs={})
    return out


def test_each_row_is_the_figure_that_training_reported_and_differences_are_user_by_user(models):
    rows = compare({"good": [models / "good"], "poor": [models / "poor"]}, models / "i.parquet")
    for row in rows:
        told = json.loads((models / row.name / "model/manifest.json").read_text())
        assert row.value.mean == pytest.approx(told["test"]["recall@20"], abs=1e-12)
        assert row.value.low <= row.value.mean <= row.value.high
    assert rows[0].difference is None
    assert rows[1].difference.mean == pytest.approx(rows[1].value.mean - rows[0].value.mean, abs=1e-12)
    assert 0 <= rows[1].p_value <= 1


def test_interactions_of_others_than_the_models_users_and_items_are_refused(models, tmp_path):
    strange = toy_interactions().with_columns(
        timestamp=None, rating=None, user_id=pl.lit("x_") + pl.col("user_id")
    )
    write_interactions(strange, tmp_path / "i.parquet")
    with pytest.raises(InputError, match="40 users of the train rows are not the models', such as x_u000"):
        compare({"good": [models / "good"]}, tmp_path / "i.parquet")


def test_late_fusion_adds_scores_so_that_a_model_with_itself_ranks_as_alone(models):
    given = {"alone": [models / "good"], "twice": [models / "good"] * 2}
    alone, twice = compare(given, models / "i.parquet", metric="ndcg", k=5)
    assert alone.value == twice.value
    assert twice.difference.mean == 0


def test_other_orders_are_matched_by_id_and_other_items_refused(models, tmp_path):
    for side in ("user", "item"):
        ids, vectors = read_vectors(models / f"good/{side}s.parquet", f"{side}_id")
        order = np.random.default_rng(1).permutation(len(ids))
        write_vectors(
            tmp_path / f"{side}s.parquet", [ids[row] for row in order], vectors[order], f"{side}_id"
        )
    given = {"good": [models / "good"], "again": [tmp_path]}
    good, again = compare(given, models / "i.parquet")
    assert good.value == again.value
    write_vectors(tmp_path / "items.parquet", ["other"], np.ones((1, 8), np.float32), "item_id")
    with pytest.raises(InputError, match="expected the same ones"):
        compare(given, models / "i.parquet")


def test_the_command_prints_the_table_and_writes_it_beside_the_figures(models, tmp_path):
    given = [
        str(models / "good"),
        str(models / "poor"),
        "-i",
        str(models / "i.parquet"),
        "--out",
        str(tmp_path / "c"),
    ]
    late = ["--fused", str(models / "good"), "--fused", str(models / "poor")]
    shown = CliRunner().invoke(app, ["compare", *given, *late, "-k", "10"], catch_exceptions=False)
    assert shown.exit_code == 0
    assert (tmp_path / "c/comparison.md").read_text() in shown.stdout
    assert "| model | test recall@10 [95 %] | against good [95 %] | p (Holm) |" in shown.stdout
    found = json.loads(CliRunner().invoke(app, ["compare", *given, "--json"]).stdout)
    assert [row["name"] for row in found["rows"]] == ["good", "poor"]
    assert found["options"]["k"] == 20


def test_models_of_one_name_are_told_apart_and_one_given_twice_is_refused(models, tmp_path):
    shutil.copytree(models / "good", tmp_path / "other/good")
    run = ["compare", str(models / "good"), str(tmp_path / "other/good"), "-i", str(models / "i.parquet")]
    done = CliRunner().invoke(app, [*run, "--out", str(tmp_path / "c")], catch_exceptions=False)
    assert "| other/good |" in done.stdout
    twice = ["compare", str(models / "good"), str(models / "good"), "-i", str(models / "i.parquet")]
    with pytest.raises(FeaturizerError, match="good is given twice; expected each model once"):
        CliRunner().invoke(app, [*twice, "--out", str(tmp_path / "d")], catch_exceptions=False)
