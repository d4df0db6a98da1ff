from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from toy import toy_features, toy_interactions

from featurizer.errors import InputError
from featurizer.recsys.data import assemble


def test_pairs_land_at_the_indices_of_their_ids():
    frame = toy_interactions()
    data = assemble(frame, *toy_features())
    for name in ("train", "valid", "test"):
        side = getattr(data, name)
        ours = {(data.user_ids[u], data.item_ids[i]) for u, i in zip(side.users, side.items, strict=True)}
        theirs = set(frame.filter(pl.col("split") == name).select("user_id", "item_id").rows())
        assert ours == theirs
    assert data.known.all()
    assert data.covered == 1.0


def test_items_that_the_features_lack_are_kept_counted_and_named():
    ids, vectors = toy_features()
    part = ids[:20], vectors[:20]
    data = assemble(toy_interactions(), *part)
    assert data.absent_items == tuple(f"i{item:03d}" for item in range(20, 30))
    assert data.item_ids[20:] == data.absent_items
    assert not data.known[20:].any()
    assert not data.features[20:].any()
    share = np.mean(data.train.items < 20)
    assert data.covered == pytest.approx(share)
    with pytest.raises(InputError, match=r"10 items .* not in the feature set \(i020, i021"):
        assemble(toy_interactions(), *part, min_coverage=0.99)


def test_zero_vectors_are_no_features():
    ids, vectors = toy_features()
    vectors[[3, 4]] = 0
    data = assemble(toy_interactions(), ids, vectors)
    assert np.flatnonzero(~data.known).tolist() == [3, 4]


def test_rows_that_repeat_a_pair_of_their_split_count_once_and_are_counted():
    frame = toy_interactions()
    data = assemble(pl.concat([frame, frame.head(3)]), *toy_features())
    assert data.repeats == 3
    assert (data.train.keys == assemble(frame, *toy_features()).train.keys).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_feature_that_is_not_finite_is_an_error_that_names_the_item(value):
    ids, vectors = toy_features()
    vectors[5, 2] = value
    with pytest.raises(InputError, match=r"1 items have a feature that is not finite \(i005\)"):
        assemble(toy_interactions(), ids, vectors)


def test_an_item_that_the_features_hold_twice_is_an_error():
    ids, vectors = toy_features()
    with pytest.raises(InputError, match=r"1 items stand in the feature set twice \(i001\)"):
        assemble(toy_interactions(), ["i001", *ids[1:]], vectors)


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_an_empty_split_is_an_error(split):
    frame = toy_interactions().filter(pl.col("split") != split)
    with pytest.raises(InputError, match=f"no {split} rows"):
        assemble(frame, *toy_features())
