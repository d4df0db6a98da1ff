import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from featurizer.packed_ids import DIGEST, PackedIds

IDS = st.lists(st.sampled_from(["a", "b", "é", "10", "1e1", "B000000001", "B000000002"]), max_size=30)


@given(st.lists(IDS, max_size=5))
def test_an_id_is_repeated_where_it_stands_earlier_in_whatever_part(parts):
    packed, seen, expected = PackedIds(), set(), []
    for part in parts:
        packed.add(part)
    for place, item in enumerate(item for part in parts for item in part):
        if item in seen:
            expected.append(place)
        seen.add(item)
    assert packed.repeated().tolist() == expected
    assert len(packed) == sum(map(len, parts))


@given(IDS, st.sets(st.text(max_size=3)))
def test_what_is_lacking_is_counted(ids, asked):
    packed = PackedIds()
    packed.add(ids)
    assert packed.lacking(asked) == len(asked - set(ids))


def test_a_hundred_thousand_ids_take_a_few_bytes_each_and_none_is_taken_for_another():
    packed = PackedIds()
    for start in range(0, 100_000, 1000):
        packed.add([f"item-{row}" for row in range(start, start + 1000)])
    assert packed.digests().nbytes == DIGEST * 100_000
    assert len(packed.repeated()) == 0
    packed.add(["item-99999", "other"])
    np.testing.assert_array_equal(packed.repeated(), [100_000])
