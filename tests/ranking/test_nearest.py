"""The one search of nearest neighbors, against a float64 sort of everything."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from featurizer.progress import Progress
from featurizer.ranking import cosine
from featurizer.ranking import nearest as module
from featurizer.ranking.nearest import nearest
from featurizer.ranking.streamed import nearest_in_blocks


def all_sorted(vectors, k, *, queries=None, itself=False):
    """Return what the search promises, from the whole matrix of cosines."""
    norms = np.linalg.norm(vectors.astype(np.float64), axis=1)
    known = (norms > 0) & np.isfinite(norms)
    units = np.where(known[:, None], vectors, 0) / np.where(known, norms, 1)[:, None]
    similar = np.round(units @ units.T, 9)
    queries = np.arange(len(vectors)) if queries is None else queries
    items, cosines = np.full((len(queries), k), -1), np.zeros((len(queries), k))
    for row, item in enumerate(queries):
        others = np.flatnonzero(known & (itself | (np.arange(len(vectors)) != item)))
        if known[item] and len(others):
            best = others[np.lexsort((others, -similar[item, others]))][:k]
            items[row, : len(best)], cosines[row, : len(best)] = best, similar[item, best]
    return items, cosines


def clouds(seed, rows=60, dim=5):
    """Clusters of points, some of them equal, some zero, some not finite."""
    draw = np.random.default_rng(seed)
    vectors = draw.normal(size=(4, dim))[draw.integers(0, 4, rows)] + 0.3 * draw.normal(size=(rows, dim))
    vectors[draw.integers(0, rows, 12)] = vectors[draw.integers(0, rows, 12)]
    vectors[draw.integers(0, rows, 3)] = 0
    vectors[draw.integers(0, rows, 2)] = (np.nan, *[1.0] * (dim - 1))
    return (vectors * draw.choice([1e-4, 1.0, 1e4], (rows, 1))).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 70), st.booleans(), st.booleans())
def test_it_equals_a_sort_of_all_cosines(seed, k, itself, halves):
    vectors = clouds(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "HALVES_FROM", 1)
        found = nearest(vectors, k, itself=itself, halves=halves)
    items, cosines = all_sorted(vectors, k, itself=itself)
    np.testing.assert_array_equal(found.items, items)
    np.testing.assert_allclose(found.cosines, cosines, atol=2e-9)


@pytest.mark.parametrize("spare", [0, 3])
@pytest.mark.parametrize("halves", [False, True])
def test_what_the_proposals_leave_open_is_searched_whole(monkeypatch, spare, halves):
    monkeypatch.setattr(module, "HALVES_FROM", 1)
    monkeypatch.setattr(module, "SPARE", spare)
    monkeypatch.setattr(module, "SPARE_OF_HALVES", spare)
    vectors = np.tile(clouds(1), (3, 1))
    found = nearest(vectors, 5, halves=halves, memory=4 * 180 * 8)
    np.testing.assert_array_equal(found.items, all_sorted(vectors, 5)[0])


@pytest.mark.parametrize("itself", [False, True])
def test_a_few_queries_find_what_all_of_them_find(itself):
    vectors, queries = clouds(2), np.array([7, 3, 3, 59])
    some, whole = nearest(vectors, 6, queries=queries, itself=itself), nearest(vectors, 6, itself=itself)
    np.testing.assert_array_equal(some.items, whole.items[queries])
    np.testing.assert_array_equal(some.cosines, whole.cosines[queries])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 70), st.integers(1, 61))
def test_what_is_read_block_by_block_has_the_same_neighbors(seed, k, size):
    vectors, rows = clouds(seed), np.array([7, 3, 59])
    blocks = (vectors[start : start + size] for start in range(0, len(vectors), size))
    found = nearest_in_blocks(blocks, k, queries=vectors[rows], rows=rows)
    expected = nearest(vectors, k, queries=rows)
    np.testing.assert_array_equal(found.items, expected.items)
    np.testing.assert_allclose(found.cosines, expected.cosines, rtol=0, atol=1.1e-9)


def test_blocks_and_pieces_change_nothing(monkeypatch):
    vectors = clouds(3)
    whole = nearest(vectors, 4)
    monkeypatch.setattr(module, "PIECE", 1)
    parts = nearest(vectors, 4, memory=7 * 60 * 8)
    np.testing.assert_array_equal(whole.items, parts.items)
    np.testing.assert_array_equal(whole.cosines, parts.cosines)


def test_each_block_is_reported():
    told = []
    nearest(np.eye(10, 3, dtype=np.float32) + 1, 2, memory=4 * 10 * 8, report=told.append)
    assert told == [Progress("neighbors", done, 10) for done in (4, 8, 10)]


def test_items_without_a_vector_have_no_neighbors_and_are_nobodys():
    vectors = np.array([[0, 0], [1, 0], [1, 0.1], [np.inf, 1]], np.float32)
    found = nearest(vectors, 3)
    assert found.items.tolist() == [[-1, -1, -1], [2, -1, -1], [1, -1, -1], [-1, -1, -1]]
    assert (found.cosines[found.items < 0] == 0).all()
    assert nearest(vectors[:2], 3).items.tolist() == [[-1] * 3] * 2
    assert nearest(vectors[:2], 1, itself=True).items.tolist() == [[-1], [1]]


def test_equal_vectors_come_in_the_items_order_the_item_itself_among_them():
    vectors = np.ones((40, 3), np.float32)
    assert nearest(vectors, 3, itself=True).items.tolist() == [[0, 1, 2]] * 40
    assert nearest(vectors, 3).items[1].tolist() == [0, 2, 3]


@pytest.mark.parametrize("width", [2, 3, 16, 200])
def test_no_product_in_half_precision_is_further_off_than_its_bound(width):
    features = torch.rand(400, width, generator=torch.Generator().manual_seed(0)) + 0.2
    units = torch.nn.functional.normalize(features, dim=1)
    rough = (units.bfloat16() @ units.bfloat16().T).double()
    assert (rough - units.double() @ units.double().T).abs().max() <= cosine.HALF_ERROR
