import gzip
import tracemalloc

import pytest

from featurizer.catalog.images.body import BLOCK, SMALL, Body
from featurizer.catalog.images.judge import unpacked


@pytest.mark.parametrize("size", [0, 1, SMALL, SMALL + 1, BLOCK, BLOCK + 1, 3 * BLOCK, 3 * BLOCK + 7])
@pytest.mark.parametrize("piece", [1000, 65_536, 2 * BLOCK + 5])
def test_a_body_is_what_arrived_whatever_the_pieces(size, piece):
    data = bytes(number * 7 % 251 for number in range(251)) * (size // 251 + 1)
    data, body = data[:size], Body()
    for start in range(0, size, piece):
        body.add(data[start : start + piece])
    assert body.size == size
    assert body.whole() == data


def test_what_a_server_packed_is_held_once_unpacked():
    packed, size = gzip.compress(bytes(2**24)), 2**24
    tracemalloc.start()
    try:
        assert len(unpacked(packed, "gzip", size)) == size
        assert tracemalloc.get_traced_memory()[1] < 1.4 * size
    finally:
        tracemalloc.stop()
    with pytest.raises(ValueError, match="too_large"):
        unpacked(packed, "gzip", size - 1)
    assert unpacked(gzip.compress(b""), "gzip", size) == b""
