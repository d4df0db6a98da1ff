"""Which space is named for items with and without a history, and what it is compared with."""

from __future__ import annotations

from dataclasses import replace

from featurizer.scoring.document import BASELINE, Comparison, Entry, Score, Scores
from featurizer.scoring.leaderboard import leaderboard
from featurizer.scoring.verdict import verdicts

VALUES = {"aligned": (0.30, 0.80), "eye+word": (0.43, 0.76), "eye": (0.35, 0.66), "word": (0.31, 0.64)}
KEYS = {"zero_shot_recall": "test", "cold_recall": None}
ORIGINS = {"set": {"aligned": "interactions", "eye": "content", "word": "content"}}


def entry(space, feature_set="set"):
    return Entry(feature_set, space, "auto")


def rows(feature_set="set", names=tuple(VALUES)):
    return [
        Score(
            feature_set, space, "auto", metric=metric, split=split, k=20,
            value=VALUES[space][at], ci_low=0.1, ci_high=0.9, users=9,
        )
        for at, (metric, split) in enumerate(KEYS.items())
        for space in names
    ]  # fmt: skip


def comparisons(p=0.01):
    found = []
    for at, (metric, split) in enumerate(KEYS.items()):
        ordered = sorted(VALUES, key=lambda space: -VALUES[space][at])
        for place, a in enumerate(ordered):
            for b in ordered[place + 1 :]:
                difference = VALUES[a][at] - VALUES[b][at]
                found.append(
                    Comparison(
                        metric=metric, split=split, k=20, a=entry(a), b=entry(b), difference=difference,
                        ci_low=0.0, ci_high=1.0, p_value=p, p_holm=p, users=9,
                    )
                )  # fmt: skip
    return found


def told(p=0.01, origins=ORIGINS):
    references = tuple(map(entry, ("eye", "word", "eye+word")))
    return verdicts(Scores(tuple(rows()), tuple(comparisons(p)), references, origins))


def test_the_best_of_both_boards_is_named_beside_the_best_join_and_the_best_single_space():
    cold, warm = told()
    assert cold == (
        "Items without a history: aligned of set is best, cold R@20 0.8000, against 0.7600 of the best join, "
        "eye+word of set and 0.6600 of the best single space, eye of set; it is scored as learned without "
        "those items' interactions"
    )
    assert warm == (
        "Items with a history: eye+word of set is best, zero-shot R@20 0.4300, against 0.3500 of the best single "
        "space, eye of set"
    )


def test_the_winner_is_not_compared_with_itself_in_another_set():
    twice = (*rows(), *rows("other", ("eye+word",)))
    references = (*map(entry, ("eye", "word", "eye+word")), entry("eye+word", "other"))
    _, warm = verdicts(Scores(twice, tuple(comparisons()), references, ORIGINS))
    assert "best join" not in warm
    assert "of the best single space, eye of set" in warm


def test_a_difference_that_may_be_chance_is_called_so():
    assert told(p=0.2)[0].count("not told apart") == 2


def test_a_space_of_unknown_origin_is_called_so():
    cold, _ = told(origins={"set": {"aligned": "unknown"}})
    assert cold.endswith("; what taught it is unknown")


def test_what_interactions_made_of_spaces_of_unknown_origin_is_called_both():
    origins = {"set": {"aligned": "interactions, unknown", "eye": "unknown", "word": "content"}}
    cold, _ = told(origins=origins)
    assert cold.endswith(
        "learned without those items' interactions; what taught the spaces it is made of is unknown"
    )
    table = leaderboard(tuple(rows()), origins)
    kinds = {row[1]: row[-1] for row in table.rows}
    assert kinds["aligned"] == "interactions, unknown"
    assert (kinds["eye"], kinds["word"], kinds["eye+word"]) == ("unknown", "content", "unknown")


def test_what_the_interactions_of_another_file_taught_is_called_so_on_both_boards():
    cold, _ = told(origins={"set": {"aligned": "other interactions"}})
    assert cold.endswith("; interactions of another file taught it, those of items with these ids left out")
    alone = Scores(tuple(rows(names=("aligned",))), origins={"set": {"aligned": "other interactions"}})
    assert verdicts(alone)[1].endswith("taught it, and what is to be found here may be among them")


def test_where_most_pairs_are_of_items_without_a_history_zero_shot_is_said_to_be_of_those():
    for cold_pairs, whom in ((5, "with a history"), (6, "without a history")):
        found = Scores(tuple(rows()), counts={"test_pairs": 10, "test_pairs_cold": cold_pairs})
        assert verdicts(found)[1].startswith(f"Items {whom}: eye+word of set is best, zero-shot R@20 0.4300")
    taught = replace(found, scores=tuple(rows(names=("aligned",))), origins=ORIGINS)
    assert verdicts(taught)[1].endswith("; it is scored as learned without those items' interactions")
    warm = replace(taught, counts={})
    assert verdicts(warm)[1].endswith("; their own train interactions taught it")


def test_what_is_not_above_a_random_order_is_not_called_the_best():
    floors = [
        Score(
            BASELINE, "random", "auto", metric=f"floor_random_{name}recall", split=split, k=20,
            value=0.1, ci_low=0.1, ci_high=0.1, users=9,
        )
        for name, split in (("", "test"), ("cold_", None))
    ]  # fmt: skip
    cold, warm = verdicts(Scores((*rows(), *floors)))
    assert cold == (
        "Items without a history: nothing is told from a random order, which finds cold R@20 0.1000; the most, 0.8000, "
        "finds aligned of set"
    )
    assert warm.startswith("Items with a history: nothing is told from a random order")
    above = [one if one.is_baseline else replace(one, ci_low=0.11) for one in (*rows(), *floors)]
    assert "aligned of set is best" in verdicts(Scores(tuple(above)))[0]


def test_a_row_above_the_references_is_told_beside_them():
    references = tuple(map(entry, ("eye", "word")))
    cold, _ = verdicts(Scores(tuple(rows()), tuple(comparisons()), references, ORIGINS))
    assert (
        "against 0.7600 of the next, eye+word of set and 0.6600 of the best single space, eye of set" in cold
    )


def test_an_alignment_that_kept_its_start_is_called_so():
    cold, _ = told(origins={"set": {"aligned": "training not used"}})
    assert cold.endswith("; it is a filled join, training not used")


def test_nothing_is_said_where_nothing_is_ranked():
    plain = Score("set", "eye", "auto", metric="diagnostic_coverage", value=1.0)
    assert verdicts(Scores((plain,))) == []


def test_a_space_that_two_sets_share_stands_once_and_one_that_differs_twice():
    board = leaderboard([*rows(), *rows("other", ("eye",))])
    assert [row[:2] for row in board.rows if row[1] == "eye"] == [("set", "eye")]
    other = [Score("other", "eye", "auto", metric="zero_shot_recall", split="test", k=20, value=0.1)]
    assert [row[0] for row in leaderboard([*rows(), *other]).rows if row[1] == "eye"] == ["set", "other"]


def masked(space, ratio, value, k=20):
    return Score(
        "set", space, "auto", metric="mask_modality_zero_shot_recall", split="test", k=k, modality="image",
        ratio=ratio, value=value, ci_low=value - 0.02, ci_high=value + 0.02, users=9,
    )  # fmt: skip


def test_the_best_space_without_a_modality_is_named_with_half_of_the_items_masked():
    curve = [masked("unified", ratio, 0.4 - 0.1 * ratio) for ratio in (0.0, 0.25, 0.5, 1.0)]
    curve += [masked("eye+word", ratio, 0.41 - 0.2 * ratio) for ratio in (0.0, 0.25, 0.5, 1.0)]
    curve += [masked("word", 0.5, 0.34)]
    found = Scores((*rows(), *curve), tuple(comparisons()), tuple(map(entry, ("word", "eye+word"))), ORIGINS)
    assert verdicts(found)[2:] == [
        "Items of which 50% lack their image: unified of set is best, zero-shot R@20 0.3500, against 0.3100 of "
        "the best join, eye+word of set and 0.3400 of the best single space, word of set (not told apart)"
    ]
