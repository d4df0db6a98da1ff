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


def written_out(before, after, name):
    """Return the counts, and the mean cosine, the lowest and the items of the five lowest, from whole arrays."""
    (old, had), (new, has) = before.vectors(name), after.vectors(name)
    row_of = {item: row for row, item in enumerate(before.item_ids())}
    pairs = [(row_of[item], row) for row, item in enumerate(after.item_ids()) if item in row_of]
    both = [(old[i].astype(np.float64), new[j].astype(np.float64), j) for i, j in pairs if had[i] and has[j]]
    cosines = np.array(
        [1 if (a == b).all() else a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b, _ in both]
    )
    ids = [after.item_ids()[j] for _, _, j in both]
    lowest = [ids[place] for place in np.argsort(cosines, kind="stable")[:5]]
    return {
        "compared": len(both),
        "unequal": sum(bool((a != b).any()) for a, b, _ in both),
        "appeared": sum(bool(has[j] and not had[i]) for i, j in pairs),
        "vanished": sum(bool(had[i] and not has[j]) for i, j in pairs),
    }, (cosines.mean(), cosines.min(), lowest)


@pytest.mark.parametrize("shuffled", [False, True])
def test_what_is_compared_shard_by_shard_equals_what_whole_arrays_give(tmp_path, monkeypatch, shuffled):
    monkeypatch.setattr("featurizer.release.diff.SHARD_ROWS", 7)
    monkeypatch.setattr("featurizer.release.diff.SHUFFLED", 4 * 8 * 20)
    draw = np.random.default_rng(0)
    vectors = draw.normal(size=(60, 8)).astype(np.float32)
    changed = vectors + (draw.random((60, 1)) < 0.4) * draw.normal(size=(60, 8)).astype(np.float32)
    before = make(
        tmp_path / "a", [f"i{n}" for n in range(60)], vectors, present=draw.random(60) < 0.9, shard_rows=13
    )
    order = draw.permutation(60) if shuffled else np.arange(60)
    kept = [*(f"i{n}" for n in order if n % 9), "new", "newer"]
    rows = np.concatenate([changed[[n for n in order if n % 9]], np.ones((2, 8))])
    after = make(tmp_path / "b", kept, rows, present=draw.random(len(kept)) < 0.9, shard_rows=11)
    found = difference(before, after)
    assert (found.items_added, found.reordered) == (["new", "newer"], shuffled)
    assert found.items_removed == [f"i{n}" for n in range(0, 60, 9)]
    counts, (mean, lowest, first) = written_out(before, after, "x_image")
    space = found.spaces["x_image"]
    assert {name: getattr(space, name) for name in counts} == counts
    assert (space.mean_cosine, space.lowest_cosine) == pytest.approx((mean, lowest), abs=1e-12)
    assert [one.item_id for one in space.most_changed] == first


def test_sets_without_an_item_in_common_are_compared_too(tmp_path):
    before, after = make(tmp_path / "a", ["a"], [[1, 0]]), make(tmp_path / "b", ["b"], [[1, 0]])
    found = difference(before, after)
    assert (found.items_added, found.items_removed, found.reordered) == (["b"], ["a"], False)
    assert (found.spaces["x_image"].compared, found.spaces["x_image"].mean_cosine) == (0, None)


def test_a_zero_vector_is_unlike_every_other_but_itself(tmp_path):
    before = make(tmp_path / "a", ["a", "b"], [[0, 0], [0, 0]])
    after = make(tmp_path / "b", ["a", "b"], [[0, 0], [1, 0]])
    assert difference(before, after).spaces["x_image"].changed == 1
