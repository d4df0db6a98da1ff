import numpy as np

from featurizer.features.join import join


def test_joined_parts_are_unit_blocks_and_missing_ones_zero():
    image = np.array([[3.0, 4.0], [0.0, 0.0], [0.0, 0.0]], np.float32), np.array([True, False, False])
    text = np.array([[2.0], [5.0], [0.0]], np.float32), np.array([True, True, False])
    vectors, present = join([image, text])
    np.testing.assert_allclose(vectors, [[0.6, 0.8, 1], [0, 0, 1], [0, 0, 0]], atol=1e-7)
    assert present.tolist() == [True, True, False]
    assert vectors.dtype == np.float32


def test_a_single_part_stays_as_it_is():
    part = np.array([[3.0, 4.0]], np.float32), np.array([True])
    assert join([part])[0] is part[0]
