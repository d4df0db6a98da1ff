from __future__ import annotations

import itertools

import numpy as np
import pyarrow.parquet as pq
import pytest
from small_evaluation import ITEMS, grouped, part, space, world

from featurizer.errors import InputError
from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.scoring import mask_modality, zero_shot
from featurizer.scoring.downstream_options import DownstreamOptions
from featurizer.scoring.masks import MODALITIES, mask, write_masks
from featurizer.scoring.measures import PerUser
from featurizer.scoring.metric_key import MetricKey
from featurizer.scoring.scorer import ScoreOptions
from featurizer.scoring.spaces import open_candidates, open_masked, read_space
from featurizer.scoring.summary import Entry, compare, judge

OPTIONS = ScoreOptions(ks=(5,), neighbors=(3,))
IMAGE, TEXT = part("a_image", "image", grouped(0)), part("b_text", "text", grouped(1))


def figures(measures):
    return {measure.key: measure.values for measure in measures if measure.key.group is None}


def test_masks_of_growing_ratios_nest_and_modalities_have_their_own(tmp_path):
    write_masks(tmp_path / "masks.parquet", [f"i{row}" for row in range(ITEMS)], seed=3)
    kept = pq.read_table(tmp_path / "masks.parquet")
    for modality in MODALITIES:
        nested = [mask(modality, ITEMS, ratio, 3) for ratio in (0, 0.25, 0.5, 0.75, 1)]
        assert [int(lost.sum()) for lost in nested] == [0, 10, 20, 30, 40]
        for fewer, more in itertools.pairwise(nested):
            assert not (fewer & ~more).any()
        assert ((kept.column(f"{modality}_place").to_numpy() < 10) == nested[1]).all()
    assert (mask("image", ITEMS, 0.5, 3) != mask("text", ITEMS, 0.5, 3)).any()
    assert (mask("image", ITEMS, 0.5, 3) == mask("image", ITEMS, 0.5, 3)).all()


def test_a_join_that_lost_every_picture_scores_as_its_text_alone():
    found = figures(mask_modality.score(space(IMAGE, TEXT), world(), OPTIONS))
    text = figures(zero_shot.score(space(TEXT), world(), OPTIONS))
    whole = figures(zero_shot.score(space(IMAGE, TEXT), world(), OPTIONS))
    for split in ("valid", "test"):
        for metric in ("recall", "ndcg"):
            plain = MetricKey(f"zero_shot_{metric}", split, 5)
            none, every = (
                found[MetricKey(f"mask_modality_zero_shot_{metric}", split, 5, modality="image", ratio=ratio)]
                for ratio in (0.0, 1.0)
            )
            assert (every == text[plain]).all()
            assert (none == whole[plain]).all()


def test_a_space_without_any_vector_left_scores_by_item_index_and_is_no_nan():
    found = figures(mask_modality.score(space(IMAGE), world(), OPTIONS))
    assert {key.modality for key in found} == {"image"}
    gone = found[MetricKey("mask_modality_item_cf_recall", "test", 5, 3, modality="image", ratio=1.0)]
    assert np.isfinite(gone).all()


def test_the_area_is_the_trapezoid_sum_of_the_curve():
    key = MetricKey("x", "test", 5, modality="image")
    heights = {0.0: 1.0, 0.5: 0.5, 1.0: 0.4}
    curve = [
        [PerUser(MetricKey("x", "test", 5, modality="image", ratio=ratio), np.full(3, height))]
        for ratio, height in heights.items()
    ]
    (area,) = mask_modality.areas(curve, tuple(heights))
    assert area.key == MetricKey("x_area", key.split, key.k, modality="image")
    np.testing.assert_allclose(area.values, 0.75 * 0.5 + 0.45 * 0.5)


def test_comparisons_of_areas_say_which_modality_was_lost():
    results = [
        judge(Entry("set", name, "auto"), mask_modality.score(joined, world(), OPTIONS), 5, 0)
        for name, joined in (("ab", space(IMAGE, TEXT)), ("aa", space(IMAGE, part("c", "text", grouped(0)))))
    ]
    areas = [row for row in compare(results, 0) if row.metric == "mask_modality_zero_shot_recall_area"]
    assert [(row.split, row.modality) for row in areas] == [
        (split, side) for side in MODALITIES for split in ("valid", "test")
    ]


def test_masked_spaces_are_trained_on_where_asked_for(tmp_path):
    quick = DownstreamOptions(model="bpr", epochs=1, seeds=1, masked=True)
    options = ScoreOptions(ks=(5,), neighbors=(3,), ratios=(0.0, 0.5), downstream=quick, work=tmp_path)
    found = figures(mask_modality.score(space(IMAGE), world(), options))
    for name in ("mask_modality_downstream_recall", "mask_modality_downstream_recall_area"):
        assert any(key.metric == name for key in found)


def unified(folder, name, vectors, mask_of=None):
    provenance = {"family": "ica", "weight_hash": "0" * 64, "preprocessing": {"mask": mask_of}}
    ids = (
        [f"i{row:02d}" for row in range(ITEMS)][::-1] if mask_of else [f"i{row:02d}" for row in range(ITEMS)]
    )
    rows = vectors[::-1] if mask_of else vectors
    space_ = ArraySpace("unified", "both", rows, provenance=provenance)
    write_arrays(folder / name, ids, [space_])
    return folder / name


def test_masked_items_of_a_unified_space_take_what_was_encoded_without_the_modality(tmp_path):
    stored, blind = grouped(0), grouped(5)
    (candidate,), shared = open_candidates([unified(tmp_path, "ica", stored)])
    masked = open_masked(unified(tmp_path, "blind", blind, "image"), "image", shared)
    read = read_space(candidate, "unified", "none", {"image": [masked]})
    lost = mask("image", ITEMS, 0.25, 0)
    expected = np.where(lost[:, None], blind, stored)
    np.testing.assert_array_equal(read.without("image", lost).vectors, expected)
    centered = read_space(candidate, "unified", "auto", {"image": [masked]})
    np.testing.assert_allclose(
        centered.without("image", lost).vectors, expected - stored.mean(0, dtype=float), atol=1e-6
    )


def test_a_unified_space_without_its_masked_set_names_the_command():
    both = part("unified", "both", grouped(0))
    with pytest.raises(InputError, match=r"featurizer extract CATALOG --encoder ica:DIR --mask image --out"):
        list(mask_modality.score(space(both), world(), OPTIONS))


def test_a_set_that_was_encoded_with_everything_is_no_masked_set(tmp_path):
    folder = unified(tmp_path, "ica", grouped(0))
    with pytest.raises(InputError, match=r"no space that was encoded without its text.*unified \(none\)"):
        open_masked(folder, "text", ["i00"])
    with pytest.raises(InputError, match="lacks 1 of the 2 items"):
        open_masked(unified(tmp_path, "blind", grouped(1), "text"), "text", ["i00", "other"])
