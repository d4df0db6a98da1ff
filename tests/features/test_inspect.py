import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from featurizer.errors import InputError
from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.features.inspect import label_accuracy, neighbors_of, neighbors_of_items, summarize
from featurizer.ranking.nearest import nearest


def test_label_accuracy_is_the_share_of_rows_whose_nearest_other_row_agrees():
    vectors = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1], [0.3, 1]], np.float32)
    assert label_accuracy(vectors, ["a", "a", "b", "b", "c"]) == 0.8


def test_a_zero_vector_has_no_nearest_row_to_agree_with():
    vectors = np.array([[1, 0], [1, 0.1], [0, 0]], np.float32)
    assert label_accuracy(vectors, ["a", "a", "a"]) == pytest.approx(2 / 3)


def test_the_neighbors_of_an_item_are_those_that_have_a_vector_best_first(tmp_path):
    vectors = np.array([[1, 0], [0, 0], [1, 1], [3, 1], [5, 5]], np.float32)
    present = np.array([True, True, True, True, False])
    space = ArraySpace("mine", "image", vectors, present)
    found = write_arrays(tmp_path, list("abcde"), [space])
    near = neighbors_of(found, "a", k=10)["mine"]
    assert [one.item_id for one in near] == ["d", "c"]
    assert [one.cosine for one in near] == pytest.approx([3 / 10**0.5, 0.5**0.5], abs=1e-9)
    assert neighbors_of(found, "b") == neighbors_of(found, "e") == {}


def test_a_look_inside_and_at_the_neighbors_imports_no_torch(tmp_path):
    write_arrays(tmp_path, list("ab"), [ArraySpace("mine", "image", np.ones((2, 3), np.float32))])
    code = (
        "import sys; from featurizer.features.feature_set import FeatureSet; "
        "from featurizer.features.inspect import neighbors_of, summarize; "
        "found = FeatureSet.open(sys.argv[1]); summarize(found); assert neighbors_of(found, 'a')['mine']; "
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)


def test_neighbors_of_several_items_are_those_of_each(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    spaces = [
        ArraySpace("mine", "image", vectors),
        ArraySpace("half", "text", vectors[:, :2], vectors[:, 0] > 0),
    ]
    found = write_arrays(tmp_path, [f"i{row}" for row in range(50)], spaces, shard_rows=7)
    several = neighbors_of_items(found, ["i0", "i13", "i49"], k=4)
    assert several == {item: neighbors_of(found, item, k=4) for item in several}
    near = nearest(vectors, 4, queries=np.array([13]))
    assert [one.item_id for one in several["i13"]["mine"]] == [f"i{row}" for row in near.items[0]]
    assert neighbors_of_items(found, []) == {}
    with pytest.raises(InputError, match="no item 'nobody'; expected one of its 50 ids, such as i0"):
        neighbors_of_items(found, ["i0", "nobody"])


def test_vectors_that_equal_an_earlier_one_are_counted_across_shards(tmp_path):
    vectors = np.repeat(np.arange(1, 6, dtype=np.float32)[:, None], 3, axis=1)[[0, 1, 2, 3, 4, 0, 4, 4]]
    found = write_arrays(tmp_path, list("abcdefgh"), [ArraySpace("mine", "image", vectors)], shard_rows=3)
    assert summarize(found)["mine"].duplicate == 3


def peak_of(tmp_path, rows, work):
    """Return the most bytes that Python and NumPy held while `work` ran on a set of so many rows."""
    vectors = np.random.default_rng(0).normal(size=(rows, 64)).astype(np.float32)
    ids = [f"item-{row:09}" for row in range(rows)]
    found = write_arrays(tmp_path / str(rows), ids, [ArraySpace("mine", "text", vectors)])
    work(found)  # imports and what is kept for good
    tracemalloc.start()
    try:
        work(found)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_look_at_neighbors_holds_one_shard_whatever_the_items(tmp_path):
    def look(found):
        neighbors_of(found, "item-000000100")

    assert peak_of(tmp_path, 40_000, look) < 1.1 * peak_of(tmp_path, 4_000, look)
