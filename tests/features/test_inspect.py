import subprocess
import sys

import numpy as np
import pytest

from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.features.inspect import label_accuracy, neighbors_of


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


def test_a_look_inside_imports_no_torch():
    code = "import sys, featurizer.features.inspect; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
