"""The order of the rows that go in decides nothing that comes out, but where ties say it does."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurizer.catalog.interactions import SplitOptions
from featurizer.encoders.resolve import load_encoders
from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.features.extract import ExtractOptions, extract
from featurizer.interactions.read import SCHEMA
from featurizer.records import ItemRecord
from featurizer.scoring.evaluation_data import EvaluationOptions, evaluation_data
from featurizer.scoring.score import ScoreStage, score
from featurizer.scoring.scorer import ScoreOptions
from featurizer.scoring.spaces import open_candidates
from tests.support.color import encoders
from tests.support.items import make_catalog

USERS, ITEMS = 12, 20
TITLES = [
    f"{size} {color} {kind}"
    for size in ("large", "")
    for color in ("red", "blue")
    for kind in ("mug", "pan", "x")
]


def bought(seed, *, days=3):
    """Who bought what, pairs repeated too, on so few days that most times are ties."""
    draw = np.random.default_rng(seed)
    rows = [
        (f"u{user}", f"i{item:02d}", int(draw.integers(days)) * 86_400, None, None)
        for user in range(USERS)
        for item in draw.integers(0, ITEMS, 9)
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def permuted(frame, seed):
    return frame[np.random.default_rng(seed).permutation(frame.height)]


seeds = st.integers(0, 2**32 - 1)


@given(
    seeds,
    seeds,
    st.sampled_from(["random", "leave-one-out", "global-time", "cold-items:0.3"]),
    st.integers(0, 3),
)
def test_the_same_interactions_in_any_order_are_split_alike(data, order, method, k_core):
    options = SplitOptions(k_core, method, seed=3)
    assert options.apply(permuted(bought(data), order)).equals(options.apply(bought(data)))


def scores(folder, pairs, items, metrics=("zero-shot", "item-cf", "cold")):
    """Return every figure, with its interval, of a space of noise over the items in the given order."""
    vectors = np.random.default_rng(5).standard_normal((ITEMS, 6)).astype(np.float32)
    write_arrays(
        folder / "f", [f"i{item:02d}" for item in items], [ArraySpace("a", "image", vectors[list(items)])]
    )
    candidates, shared = open_candidates([folder / "f"])
    world = evaluation_data(pairs, shared, EvaluationOptions())
    options = ScoreOptions(ks=(3, 5), neighbors=(4,))
    found = score(ScoreStage(folder / "s", candidates, (), ("auto",), metrics, options, {}), world)
    told = ("metric", "split", "k", "group", "neighbors", "space")
    return {
        tuple(row[name] for name in told): (row["value"], row["ci_low"], row["ci_high"], row["users"])
        for row in found["scores"]
    }


@settings(max_examples=8)
@given(seeds, seeds)
def test_the_same_split_rows_in_any_order_give_the_same_scores_and_floors_to_the_bit(data, order):
    pairs = SplitOptions(0, "random").apply(bought(data))
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        found = scores(Path(one), permuted(pairs, order), range(ITEMS))
        assert found == scores(Path(other), pairs, range(ITEMS))
    assert {"floor_random_recall", "floor_popularity_recall", "zero_shot_ndcg"} <= {key[0] for key in found}


@settings(max_examples=8)
@given(seeds, st.permutations(range(ITEMS)))
def test_the_same_items_in_any_order_give_the_same_scores_and_random_floor(data, order):
    """Ties rank in the order of the items, and the seed draws cold items by their place: these may differ."""
    pairs = SplitOptions(0, "random").apply(bought(data))
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        folders = [(Path(one), order), (Path(other), range(ITEMS))]
        found, before = (scores(folder, pairs, items, ("zero-shot", "item-cf")) for folder, items in folders)
    free = [key for key in before if key[-1] != "popularity" and key[3] is None and "item_cf" not in key[0]]
    assert {key[0] for key in free} == {
        f"{one}_{two}" for one in ("zero_shot", "floor_random") for two in ("recall", "ndcg")
    }
    for key in free:
        assert found[key] == pytest.approx(before[key], abs=1e-9)


def vectors_of(folder, records, loaded, space):
    """Return each item's vector."""
    made = extract(
        make_catalog(folder / "c", records), loaded, folder / "f", ExtractOptions(batch_size=3, shard_rows=5)
    )
    return dict(zip(made.item_ids(), made.vectors(space)[0], strict=True))


RECORDS = [ItemRecord(f"i{row}", title=title.strip() * (row % 3 + 1)) for row, title in enumerate(TITLES)]


@settings(max_examples=6)
@given(st.permutations(RECORDS))
def test_the_same_items_in_any_order_have_the_same_vectors(records):
    folder = Path(tempfile.mkdtemp())
    try:
        found, before = (
            vectors_of(folder / name, rows, encoders(), "letter_text")
            for name, rows in (("a", records), ("b", RECORDS))
        )
    finally:
        shutil.rmtree(folder)
    for item, vector in before.items():
        np.testing.assert_array_equal(found[item], vector)


def test_a_real_encoder_of_texts_gives_the_same_vectors_whatever_stands_beside_them(tmp_path):
    loaded = load_encoders(["minilm"])
    found, before = (
        vectors_of(tmp_path / name, rows, loaded, "minilm_text")
        for name, rows in (("a", RECORDS[::-1]), ("b", RECORDS))
    )
    for item, vector in before.items():
        np.testing.assert_allclose(found[item], vector, atol=1e-6)
