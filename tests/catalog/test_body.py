import pytest

from featurizer.catalog.images.body import BLOCK, SMALL, Body


@pytest.mark.parametrize("size", [0, 1, SMALL, SMALL + 1, BLOCK, BLOCK + 1, 3 * BLOCK, 3 * BLOCK + 7])
@pytest.mark.parametrize("piece", [1000, 65_536, 2 * BLOCK + 5])
def test_a_body_is_what_arrived_whatever_the_pieces(size, piece):
    data = bytes(number * 7 % 251 for number in range(251)) * (size // 251 + 1)
    data, body = data[:size], Body()
    for start in range(0, size, piece):
        body.add(data[start : start + piece])
    assert body.size == size
    assert body.whole() == data
