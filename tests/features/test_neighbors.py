import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import featurizer.features.neighbors as neighbors
from featurizer.features.neighbors import label_accuracy, nearest


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6))
def test_nearest_equals_the_full_similarity_matrix(seed, k):
    vectors = np.random.default_rng(seed).normal(size=(30, 5)).astype(np.float32)
    units = vectors.astype(np.float64) / np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    full = units @ units.T
    np.fill_diagonal(full, -np.inf)
    found, cosines = nearest(vectors, np.arange(30), k)
    np.testing.assert_array_equal(found, np.argsort(-full, axis=1, kind="stable")[:, :k])
    np.testing.assert_allclose(cosines, -np.sort(-full, axis=1)[:, :k], atol=1e-6)


def test_blocks_change_nothing(monkeypatch):
    vectors = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    whole = nearest(vectors, np.arange(50), 3)
    monkeypatch.setattr(neighbors, "BLOCK", 7)
    for a, b in zip(whole, nearest(vectors, np.arange(50), 3), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_a_zero_vector_is_near_nothing_and_gives_no_nan():
    vectors = np.array([[0, 0], [1, 0], [1, 0.1]], np.float32)
    _, cosines = nearest(vectors, np.arange(3), 2)
    assert np.isfinite(cosines).all()
    assert (cosines[0] == 0).all()


def test_label_accuracy_is_the_share_of_rows_whose_nearest_other_row_agrees():
    vectors = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1], [0.3, 1]], np.float32)
    assert label_accuracy(vectors, ["a", "a", "b", "b", "c"]) == 0.8
