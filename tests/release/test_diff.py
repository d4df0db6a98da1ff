import numpy as np
import pytest

from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.release.diff import Change, difference
from tests.release.sets import make_set


def make(out, ids, vectors, *, present=None, model="m", name="x_image", **options):
    space = ArraySpace(name, "image", np.asarray(vectors, np.float32), present, {"model": model})
    return write_arrays(out, ids, [space], **options)


def test_a_set_differs_in_nothing_from_its_copy(tmp_path):
    found = difference(make_set(tmp_path / "a"), make_set(tmp_path / "b"))
    assert found.same
    assert repr(found) == "Difference(none)"
    assert found.spaces["y_text"].compared == 6
    assert found.spaces["x_image"].lowest_cosine == 1


def test_items_and_vectors_that_changed_are_named_by_their_cosine(tmp_path):
    before = make(tmp_path / "a", ["a", "b", "c"], [[1, 0], [1, 0], [0, 1]])
    after = make(tmp_path / "b", ["c", "b", "d"], [[0, 2], [1, 1], [5, 5]])
    found = difference(before, after)
    assert (found.items_added, found.items_removed, found.reordered) == (["d"], ["a"], True)
    space = found.spaces["x_image"]
    assert (space.compared, space.unequal, space.changed) == (2, 2, 1)
    assert space.most_changed[0].item_id == "b"
    assert space.lowest_cosine == pytest.approx(np.sqrt(0.5))
    assert space.mean_cosine == pytest.approx((1 + np.sqrt(0.5)) / 2)
    assert not found.same
    told = "1 items added; 1 items removed; x_image: 2 of 2 vectors differ; reordered"
    assert repr(found) == f"Difference({told})"


def test_vectors_that_came_and_went_are_counted(tmp_path):
    before = make(tmp_path / "a", list("abc"), np.ones((3, 2)), present=np.array([True, True, False]))
    after = make(tmp_path / "b", list("abc"), np.ones((3, 2)), present=np.array([False, True, True]))
    space = difference(before, after).spaces["x_image"]
    assert (space.compared, space.appeared, space.vanished, space.changed) == (1, 1, 1, 0)


def test_provenance_that_changed_is_named_with_both_values(tmp_path):
    before = make(tmp_path / "a", ["a"], [[1, 0]], source={"name": "x"})
    after = make(tmp_path / "b", ["a"], [[1, 0]], model="n", source={"name": "y"})
    found = difference(before, after)
    assert Change("x_image.model", "m", "n") in found.provenance
    assert Change("source.name", "x", "y") in found.provenance
    assert not found.same


def test_spaces_of_other_dimensions_are_not_compared_by_cosine(tmp_path):
    before, after = make(tmp_path / "a", ["a"], [[1, 0]]), make(tmp_path / "b", ["a"], [[1, 0, 0]])
    found = difference(before, after)
    assert found.spaces["x_image"].dims == (2, 3)
    assert found.spaces["x_image"].mean_cosine is None
    assert not found.same


def test_spaces_that_came_and_went_are_named(tmp_path):
    before, after = make(tmp_path / "a", ["a"], [[1, 0]]), make(tmp_path / "b", ["a"], [[1, 0]], name="z")
    found = difference(before, after)
    assert (found.spaces_added, found.spaces_removed) == (["z"], ["x_image"])


def test_a_zero_vector_is_unlike_every_other_but_itself(tmp_path):
    before = make(tmp_path / "a", ["a", "b"], [[0, 0], [0, 0]])
    after = make(tmp_path / "b", ["a", "b"], [[0, 0], [1, 0]])
    assert difference(before, after).spaces["x_image"].changed == 1
