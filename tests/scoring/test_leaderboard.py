"""The leaderboard of runs that rank nothing, and what is said of two rows that are alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from featurizer.scoring.document import BASELINE, Comparison, Entry, Score
from featurizer.scoring.leaderboard import best_references, leaderboard, steps
from featurizer.scoring.metric_key import MetricKey
from featurizer.scoring.spaces import folder_labels
from featurizer.scoring.summary import SpaceResult, compare


def row(space, metric, value, *, feature_set="set", split="test", k=20, low=None, high=None):
    figures = {"value": value, "ci_low": low, "ci_high": high, "users": 3}
    return Score(feature_set, space, "auto", metric=metric, split=split, k=k, **figures)


def diagnostic(space, name, value):
    return row(space, f"diagnostic_{name}", value, split=None, k=None)


BASELINES = [row("popularity", "floor_popularity_recall", 0.1, feature_set=BASELINE, low=0.0, high=0.2)]


def test_diagnostics_alone_have_columns_and_no_baselines():
    scores = [diagnostic("a", "coverage", 0.99), diagnostic("a", "effective_rank", 123.456)]
    board = leaderboard([*scores, *BASELINES])
    assert board.header == ("feature set", "space", "geometry", "coverage", "effective rank")
    assert board.rows == (("set", "a", "centered", "0.99", "123.5"),)
    assert not board.ranks
    assert steps(board, []) == []


def test_diagnostics_stand_behind_what_sorts_and_baselines_have_none():
    spaces = [
        row(name, "zero_shot_recall", value, low=0.1, high=0.3) for name, value in (("a", 0.2), ("b", 0.3))
    ]
    board = leaderboard(
        [*spaces, diagnostic("a", "coverage", 1.0), diagnostic("b", "coverage", 0.5), *BASELINES]
    )
    assert board.header[3:] == ("zero-shot R@20", "coverage")
    assert [(one[1], one[4]) for one in board.rows] == [("b", "0.5"), ("a", "1"), ("popularity", "-")]


def test_a_run_without_a_headline_lists_what_it_scored_and_no_baselines():
    plain = row("a", "mask_modality_zero_shot_recall", 0.2, low=0.1, high=0.3)
    masked = replace(plain, ratio=0.5, modality="text")
    board = leaderboard([masked, *BASELINES])
    assert (board.columns, board.rows) == ((), (("set", "a", "centered"),))


def test_two_equal_rows_are_called_equal_and_not_told_apart():
    spaces = [row(name, "zero_shot_recall", 0.2, low=0.1, high=0.3) for name in "ab"]
    key = {"metric": "zero_shot_recall", "split": "test", "k": 20, "users": 3}
    figures = {"difference": 0.0, "ci_low": 0.0, "ci_high": 0.0, "p_value": 1.0, "p_holm": 1.0}
    compared = Comparison(a=Entry("set", "a", "auto"), b=Entry("set", "b", "auto"), **key, **figures)
    assert steps(leaderboard(spaces), [compared]) == [
        "zero-shot R@20: set a = set b, p = 1, 1 for all pairs (Holm): not told apart"
    ]


def test_geometries_have_a_column_where_some_are_not_centered():
    plain = row("a", "zero_shot_recall", 0.2, low=0.1, high=0.3)
    assert leaderboard([plain]).shown == (
        ("feature set", "space", "zero-shot R@20"),
        (("set", "a", "0.2000 ±0.1000"),),
    )
    stored = replace(plain, transform="none")
    header, rows = leaderboard([plain, stored]).shown
    assert header[:3] == ("feature set", "space", "geometry")
    assert {one[2] for one in rows} == {"centered", "uncentered"}


def test_the_best_join_and_the_best_single_space_are_what_others_are_compared_with():
    values = {"a": 4, "b+c": 3, "d": 2, "b": 1, "e+f": 0}
    entries = [Entry("set", name, "auto") for name in values]
    comparisons = [
        Comparison(
            metric="zero_shot_recall", split="test", k=20, a=a, b=b, difference=1.0,
            ci_low=0.0, ci_high=2.0, p_value=0.01, p_holm=0.01, users=9,
        )
        for place, a in enumerate(entries)
        for b in entries[place + 1 :]
    ]  # fmt: skip
    for order in (entries[1:], entries[:0:-1]):
        assert [one.space for one in best_references(order, comparisons)] == ["b+c", "d"]


def test_a_space_that_two_sets_share_counts_once_in_holms_correction_and_is_compared_in_both():
    draw, key = np.random.default_rng(0), MetricKey("zero_shot_recall", "test", 20)
    low, high = draw.random(40), draw.random(40) + 0.2
    results = [
        SpaceResult(Entry(label, space, "auto"), compared={key: values})
        for label, space, values in (("a", "x", low), ("b", "x", low), ("a", "y", high), ("c", "x", low))
    ]
    once = compare([results[0], results[2]], 0)
    found = compare(results, 0)
    assert [(row.a.feature_set, row.b.feature_set) for row in found] == [("a", "a"), ("a", "b"), ("a", "c")]
    assert {row.p_holm for row in found} == {once[0].p_holm}


def test_a_folder_called_floor_is_told_from_the_baselines(tmp_path):
    assert folder_labels([tmp_path / "mine" / "floor"]) == ["mine/floor"]
    assert folder_labels([tmp_path / "a" / "x", tmp_path / "b" / "x"]) == ["a/x", "b/x"]
