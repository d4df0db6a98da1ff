from __future__ import annotations

import numpy as np
import pytest
from small_evaluation import ITEMS, frame, grouped, part, space, world

from featurizer.errors import InputError, UnknownName
from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.scoring import item_cf, zero_shot
from featurizer.scoring.evaluation_data import EvaluationOptions, evaluation_data
from featurizer.scoring.memory import parse_memory
from featurizer.scoring.scorer import ScoreOptions
from featurizer.scoring.spaces import check_asked, open_candidates, read_space, space_names
from featurizer.scoring.transform import fit

OPTIONS = ScoreOptions(ks=(5, 10), neighbors=(3,))


def write(folder, name, spaces, ids=None):
    ids = ids or [f"i{row:02d}" for row in range(len(spaces[0].vectors))]
    write_arrays(folder / name, ids, spaces, overwrite=True)
    return folder / name


def test_sets_are_read_on_the_items_they_share_in_the_order_of_the_first(tmp_path):
    one = write(
        tmp_path / "x",
        "set",
        [ArraySpace("a_image", "image", np.arange(8.0).reshape(4, 2) + 1)],
        list("abcd"),
    )
    two = write(
        tmp_path / "y", "set", [ArraySpace("a_image", "image", np.arange(6.0).reshape(3, 2) + 1)], list("dxb")
    )
    candidates, shared = open_candidates([one, two])
    assert shared == ("b", "d")
    assert [candidate.label for candidate in candidates] == ["x/set", "y/set"]
    assert read_space(candidates[1], "a_image", "none", {}).vectors.tolist() == [[5.0, 6.0], [1.0, 2.0]]
    with pytest.raises(InputError, match="share no item"):
        open_candidates(
            [one, write(tmp_path / "z", "set", [ArraySpace("a", "image", np.ones((1, 1)))], ["q"])]
        )


def test_without_a_choice_every_space_and_each_pair_of_picture_and_text_is_scored(tmp_path):
    spaces = [
        ArraySpace(name, side, grouped(0))
        for name, side in (
            ("a_image", "image"),
            ("b_image", "image"),
            ("c_text", "text"),
            ("unified", "both"),
        )
    ]
    (candidate,), _ = open_candidates([write(tmp_path, "set", spaces)])
    pairs = ["a_image+c_text", "b_image+c_text"]
    assert space_names(candidate, ()) == ["a_image", "b_image", "c_text", "unified", *pairs]
    assert space_names(candidate, ["a_image", "gone", "unified+c_text"]) == ["a_image", "unified+c_text"]
    with pytest.raises(UnknownName, match="did you mean a_image"):
        space_names(candidate, ["a_imge+c_text"])


def test_a_space_that_no_set_has_is_refused_even_beside_others_that_are_there(tmp_path):
    one = write(tmp_path, "one", [ArraySpace("a_image", "image", grouped(0))])
    two = write(tmp_path, "two", [ArraySpace("b_text", "text", grouped(0))])
    candidates, _ = open_candidates([one, two])
    check_asked(candidates, ["a_image", "b_text"])
    with pytest.raises(UnknownName, match="did you mean b_text"):
        check_asked(candidates, ["a_image", "b_txt"])
    with pytest.raises(InputError, match="no feature set has all of its parts"):
        check_asked(candidates, ["a_image", "a_image+b_text"])


def test_a_vector_that_is_not_finite_is_an_error_that_names_the_item(tmp_path):
    folder = write(tmp_path, "set", [ArraySpace("a_image", "image", grouped(0))])
    (candidate,), _ = open_candidates([folder])
    broken = grouped(0)
    broken[3, 1] = np.nan

    class Broken(type(candidate.features)):
        def vectors(self, space):
            return broken, np.ones(ITEMS, bool)

    candidate = type(candidate)("set", Broken(folder, candidate.features.manifest), candidate.rows)
    with pytest.raises(InputError, match=r"1 items have a vector in a_image that is not finite \(i03"):
        read_space(candidate, "a_image", "none", {})


def test_centering_and_whitening_do_what_their_names_say():
    vectors = (grouped(2) @ np.diag([3, 2, 1, 1, 1, 0])).astype(np.float32)
    present = np.arange(ITEMS) != 7
    centered = fit("auto", vectors, present)(vectors, present)
    np.testing.assert_allclose(centered[present].mean(0), 0, atol=1e-6)
    white = fit("whiten", vectors, present)(vectors, present)
    assert white.shape == (ITEMS, 5)
    np.testing.assert_allclose(np.cov(white[present].T), np.eye(5), atol=1e-4)
    assert not centered[7].any()
    assert not white[7].any()
    assert fit("none", vectors, present)(vectors, present) is vectors


def test_null_and_zero_vectors_score_lowest_are_counted_and_never_nan():
    vectors = grouped(0)
    vectors[5] = 0
    there = np.arange(ITEMS) != 4
    one = space(part("a_image", "image", vectors, there))
    assert one.parts[0].zero.tolist().index(True) == 5
    for scorer in (zero_shot, item_cf):
        for measure in scorer.score(one, world(), OPTIONS):
            assert np.isfinite(measure.values).all()
    bought = world()
    for ranks in zero_shot.zero_shot_ranks(one, bought, ScoreOptions(ks=(ITEMS,))):
        absent = np.isin(ranks.items, [4, 5])
        candidates = ITEMS - bought.train.counts[ranks.users[ranks.rows]]
        assert (ranks.ranks[absent] >= candidates[absent] - 2).all()
        assert (ranks.ranks[~absent] < candidates[~absent]).all()


def test_permuting_the_items_changes_no_value():
    order = np.random.default_rng(0).permutation(ITEMS)
    moved = evaluation_data(frame(), [f"i{row:02d}" for row in order], EvaluationOptions())
    everyone = ScoreOptions(ks=(5, 10), neighbors=(ITEMS,))
    vectors = grouped(0)
    for scorer in (zero_shot, item_cf):
        plain = scorer.score(space(part("a", "image", vectors)), world(), everyone)
        other = scorer.score(space(part("a", "image", vectors[order])), moved, everyone)
        found = {measure.key: measure.values for measure in plain if measure.key.group is None}
        again = {measure.key: measure.values for measure in other if measure.key.group is None}
        assert found.keys() == again.keys()
        for key, values in found.items():
            np.testing.assert_array_equal(values, again[key])


def test_with_all_items_as_neighbors_item_cf_ranks_as_zero_shot_does():
    one, everyone = space(part("a", "image", grouped(0))), ScoreOptions(ks=(ITEMS,), neighbors=(ITEMS,))
    near = item_cf.neighbors_of(one, everyone)
    for shot, knn in zip(
        zero_shot.zero_shot_ranks(one, world(), everyone),
        item_cf.item_cf_ranks(near, one, world(), everyone),
        strict=True,
    ):
        assert (shot.ranks == knn.ranks).all()


def test_pairs_of_other_items_are_left_out_and_counted():
    first = frame()["item_id"][0]
    ids = [f"i{row:02d}" for row in range(ITEMS) if f"i{row:02d}" != first]
    found = evaluation_data(frame(), ids, EvaluationOptions())
    assert found.counts["pairs_left_out"] == frame().filter(frame()["item_id"] == first).height > 0
    assert found.counts["items"] == ITEMS - 1
    with pytest.raises(
        InputError, match=r"expected at least 100\.0%. 1 items of the interactions are missing"
    ):
        evaluation_data(frame(), ids, EvaluationOptions(min_coverage=1.0))


def test_a_draw_of_users_is_the_same_in_both_splits_and_leaves_training_alone():
    drawn = world(users=10, seed=1)
    assert drawn.ranked["valid"].tolist() == drawn.ranked["test"].tolist()
    assert len(drawn.ranked["test"]) == 10
    assert (drawn.train.items == world().train.items).all()


def test_an_empty_split_says_how_to_name_another():
    no_test = frame().filter(frame()["split"] != "test")
    ids = [f"i{row:02d}" for row in range(ITEMS)]
    with pytest.raises(InputError, match=r"no test rows.*--split"):
        evaluation_data(no_test, ids, EvaluationOptions())
    assert list(evaluation_data(no_test, ids, EvaluationOptions(splits=("valid",))).positives) == ["valid"]


@pytest.mark.parametrize(("text", "size"), [("1MiB", 1 << 20), ("2 GB", 2 * 10**9), ("1.5GiB", 3 << 29)])
def test_memory_is_read_as_written(text, size):
    assert parse_memory(text) == size
