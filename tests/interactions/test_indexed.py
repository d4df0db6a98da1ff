import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from featurizer.interactions.indexed import index_interactions
from featurizer.interactions.user_items import UserItems

ROWS = [
    ("zoe", "b", "train"), ("zoe", "b", "train"), ("zoe", "a", "test"), ("amy", "c", "train"),
    ("amy", "x", "train"), ("bob", "x", "valid"), ("amy", "b", "test"), ("amy", "c", "test"),
]  # fmt: skip
FRAME = pl.DataFrame(ROWS, schema=["user_id", "item_id", "split"], orient="row")


def pairs_of(found, split):
    pairs = found.splits[split]
    return [
        (found.user_ids[user], found.item_ids[item])
        for user, item in zip(pairs.users, pairs.items, strict=True)
    ]


def test_pairs_stand_under_the_items_order_and_the_users_who_have_one_of_them_sorted():
    found = index_interactions(FRAME, ["c", "b", "a", "never"])
    assert found.item_ids == ("c", "b", "a", "never")
    assert found.user_ids == ("amy", "zoe")
    assert pairs_of(found, "train") == [("amy", "c"), ("zoe", "b")]
    assert pairs_of(found, "valid") == []
    assert pairs_of(found, "test") == [("amy", "c"), ("amy", "b"), ("zoe", "a")]


def test_rows_that_repeat_a_pair_and_rows_that_are_left_out_are_counted():
    found = index_interactions(FRAME, ["c", "b", "a"])
    assert found.rows == {"train": 3, "valid": 0, "test": 3}
    assert (found.repeats, found.left_out) == (1, 2)


def test_given_users_keep_their_order_and_others_are_left_out():
    found = index_interactions(FRAME, ["x", "b"], ["zoe", "nobody", "bob"])
    assert found.user_ids == ("zoe", "nobody", "bob")
    assert pairs_of(found, "train") == [("zoe", "b")]
    assert pairs_of(found, "valid") == [("bob", "x")]
    assert found.left_out == 5


def test_the_splits_together_hold_each_pair_once():
    found = index_interactions(FRAME, ["a", "b", "c"])
    assert found.together().keys.tolist() == [1, 2, 3, 4]


@given(st.integers(0, 10_000))
def test_pairs_that_are_kept_are_as_if_the_others_had_never_been(seed):
    draw = np.random.default_rng(seed)
    users, items = np.nonzero(draw.random((5, 7)) < 0.4)
    kept = draw.random(len(users)) < 0.5
    found = UserItems.from_pairs(users, items, n_users=5, n_items=7).only(kept)
    expected = UserItems.from_pairs(users[kept], items[kept], n_users=5, n_items=7)
    assert found.keys.tolist() == expected.keys.tolist()
    assert found.starts.tolist() == expected.starts.tolist()
    assert found.n_items == 7
