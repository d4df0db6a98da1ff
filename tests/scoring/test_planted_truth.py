"""On the embedded sample it is known which features are better; the leaderboard has to say so."""

from __future__ import annotations

import itertools

import pytest

from featurizer.errors import InputError, StaleOutput
from featurizer.interactions.store import read_split
from featurizer.scoring.document import parse_scores
from featurizer.scoring.evaluation_data import EvaluationOptions, evaluation_data
from featurizer.scoring.leaderboard import leaderboard, steps
from featurizer.scoring.score import ScoreStage, score
from featurizer.scoring.scorer import ScoreOptions
from featurizer.scoring.spaces import open_candidates

SETS = ("oracle", "random_a", "random_b")


def stage_of(sample, out, **changes):
    candidates, shared = open_candidates([sample / name for name in SETS])
    world = evaluation_data(read_split(sample / "interactions.parquet"), shared, EvaluationOptions())
    given = {
        "out": out,
        "candidates": candidates,
        "spaces": (),
        "transforms": ("auto",),
        "metrics": ("zero-shot", "item-cf"),
        "options": ScoreOptions(neighbors=(10,)),
        "inputs": {"interactions": "x"},
    }
    return ScoreStage(**(given | changes)), world


@pytest.fixture(scope="module")
def found(sample, tmp_path_factory):
    return score(*stage_of(sample, tmp_path_factory.mktemp("scores")))


def values(found, metric, split="test"):
    return {
        (row["feature_set"], row["space"]): row["value"]
        for row in found["scores"]
        if (row["metric"], row["split"], row["k"], row["group"]) == (metric, split, 20, None)
    }


@pytest.mark.parametrize("metric", ["zero_shot_recall", "zero_shot_ndcg", "item_cf_recall", "item_cf_ndcg"])
def test_oracle_traits_beat_concatenation_beats_single_modalities_beats_random(found, metric):
    score_of = values(found, metric)
    oracle, joined = score_of["oracle", "oracle_all"], score_of["oracle", "oracle_image+oracle_text"]
    single = [score_of["oracle", name] for name in ("oracle_image", "oracle_text")]
    random = [score_of[name, "noise"] for name in ("random_a", "random_b")]
    assert oracle > joined > max(single)
    assert min(single) > 4 * max(random)


def test_the_paired_test_finds_what_was_planted_and_nothing_between_random_sets(found):
    tested = {
        (row["a"]["feature_set"], row["a"]["space"], row["b"]["feature_set"], row["b"]["space"]): row
        for row in found["comparisons"]
        if row["metric"] == "zero_shot_recall" and row["split"] == "test"
    }
    for better, worse in (
        ("oracle_all", "oracle_image"),
        ("oracle_all", "oracle_text"),
        ("oracle_all", "oracle_image+oracle_text"),
    ):
        row = tested["oracle", better, "oracle", worse]
        assert row["p_holm"] < 0.05
        assert row["ci_low"] > 0
    assert tested["oracle", "oracle_text", "random_a", "noise"]["p_holm"] < 1e-6
    between = next(row for key, row in tested.items() if {key[0], key[2]} == {"random_a", "random_b"})
    assert between["p_value"] > 0.05
    assert between["ci_low"] < 0 < between["ci_high"]


def test_random_features_lie_about_the_random_baseline(found):
    baseline = values(found, "floor_random_recall")["floor", "random"]
    assert baseline == pytest.approx(20 / 586, abs=0.001)
    for row in found["scores"]:
        if (row["metric"], row["split"], row["k"], row["group"]) == ("zero_shot_recall", "test", 20, None):
            random = row["space"] == "noise"
            assert (row["ci_low"] < baseline * 1.1 and row["ci_high"] > baseline * 0.9) == random


def test_the_leaderboard_is_sorted_and_says_who_beats_whom(found):
    document = parse_scores(found)
    board = leaderboard(document.scores)
    first = [float(row[3].split()[0]) for row in board.rows]
    assert first == sorted(first, reverse=True)
    assert board.header == (
        "feature set",
        "space",
        "geometry",
        "zero-shot R@20",
        "item-cf R@20 (10 nearest)",
    )
    assert board.rows[0][:2] == ("oracle", "oracle_all")
    assert {"popularity", "random"} <= {row[1] for row in board.rows if row[0] == "floor"}
    told = steps(board, document.comparisons)
    assert told[0].startswith("zero-shot R@20: oracle oracle_all > oracle oracle_image+oracle_text, p = ")


def test_without_zero_shot_the_leaderboard_says_who_beats_whom_by_what_sorts_it(found):
    def of_item_cf(rows):
        return [row for row in rows if not row.metric.startswith("zero_shot")]

    document = parse_scores(found)
    board = leaderboard(of_item_cf(document.scores))
    told = steps(board, of_item_cf(document.comparisons))
    assert board.header[3] == "item-cf R@20 (10 nearest)"
    assert told[0].startswith(
        "item-cf R@20 (10 nearest): oracle oracle_all > oracle oracle_image+oracle_text"
    )
    assert len(told) == sum(row[0] != "floor" for row in board.rows) - 1
    others = [row for row in document.scores if row.metric.startswith("floor")]
    assert steps(leaderboard(others), document.comparisons) == []


def test_scores_have_the_promised_keys_and_every_interval_holds_its_value(found):
    promised = {"feature_set", "space", "metric", "split", "k", "neighbors", "group", "transform", "value"}
    assert found["format_version"] == 1
    for row in found["scores"]:
        assert promised | {"ci_low", "ci_high", "users"} <= set(row)
        assert row["ci_low"] - 1e-12 <= row["value"] <= row["ci_high"] + 1e-12
    groups = {row["group"] for row in found["scores"]}
    assert {"items_decile_1", "items_decile_10", None} <= groups


def test_what_cannot_be_scored_is_refused_before_anything_is(sample, tmp_path):
    with pytest.raises(InputError, match=r"oracle_all reads both.*--mask image.*or name other spaces"):
        score(*stage_of(sample, tmp_path / "out", metrics=("zero-shot", "mask-modality")))
    with pytest.raises(InputError, match="no metric is asked for"):
        score(*stage_of(sample, tmp_path / "out", metrics=()))
    assert not (tmp_path / "out").exists()


def test_a_killed_run_goes_on_and_ends_with_the_same_scores(sample, tmp_path, found, monkeypatch):
    stage, world = stage_of(sample, tmp_path / "out")
    seen = itertools.count()

    def kill(progress):
        if next(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score(*stage_of(sample, tmp_path / "out", options=ScoreOptions(neighbors=(10,), report=kill)))
    assert not (tmp_path / "out/scores.json").exists()
    assert len(list((tmp_path / "out/.work").iterdir())) == 2
    again = score(stage, world)
    assert again["scores"] == found["scores"]
    assert again["comparisons"] == found["comparisons"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["scores.json"]
    with pytest.raises(StaleOutput, match="transforms"):
        score(*stage_of(sample, tmp_path / "out", transforms=("whiten",)))
