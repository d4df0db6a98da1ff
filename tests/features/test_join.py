import numpy as np
import pytest

from featurizer.features import join as module
from featurizer.features.join import centered, join, side_by_side


def some(seed, n=20, d=3, missing=()):
    vectors = np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32) + 5
    present = np.ones(n, bool)
    present[list(missing)] = False
    vectors[~present] = 0
    return vectors, present


def written_out(parts, weights):
    """The honest join of the rows, one at a time."""
    rows = []
    for item in range(len(parts[0][0])):
        row = []
        for (vectors, present), weight in zip(parts, weights, strict=True):
            own = vectors[item] - vectors[present].mean(0) if present[item] else 0 * vectors[item]
            row += list(weight * own / max(np.linalg.norm(own), 1e-9))
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize("block", [7, 8192])
def test_a_join_is_centered_normalized_and_weighted_as_written_out(block, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", block)
    parts = [some(0, missing=(3,)), some(1, d=2, missing=(3, 5))]
    vectors, present = join(parts, (1.0, 0.5))
    np.testing.assert_allclose(vectors, written_out(parts, (1.0, 0.5)), atol=1e-6)
    assert present.tolist() == [item != 3 for item in range(20)]
    assert vectors.dtype == np.float32


def test_without_weights_all_parts_weigh_one():
    parts = [some(0), some(1)]
    assert join(parts)[0].tobytes() == join(parts, (1.0, 1.0))[0].tobytes()


def test_parts_side_by_side_are_unit_blocks_and_missing_ones_zero():
    image = np.array([[3.0, 4.0], [0.0, 0.0], [0.0, 0.0]], np.float32), np.array([True, False, False])
    text = np.array([[2.0], [5.0], [0.0]], np.float32), np.array([True, True, False])
    vectors, present = side_by_side([image, text])
    np.testing.assert_allclose(vectors, [[0.6, 0.8, 1], [0, 0, 1], [0, 0, 0]], atol=1e-7)
    assert present.tolist() == [True, True, False]
    assert vectors.dtype == np.float32


def test_a_single_part_stays_as_it_is():
    part = np.array([[3.0, 4.0]], np.float32), np.array([True])
    assert join([part])[0] is part[0]


def test_an_all_zero_vector_is_absent_and_stays_zero():
    vectors, present = some(0)
    vectors[4] = 0
    moved = centered(vectors, present)
    assert not moved[4].any()
    np.testing.assert_allclose(moved[np.arange(20) != 4].mean(0), 0, atol=1e-5)
