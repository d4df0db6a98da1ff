"""Cold items: what is ranked, that their interactions play no part in what is learned, and what is refused."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import featurizer as fz
from featurizer.alignment.align import AlignStage, align
from featurizer.alignment.options import AlignOptions
from featurizer.errors import InputError
from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.interactions.store import write_interactions
from featurizer.scoring import cold
from featurizer.scoring.baselines import random_baseline
from featurizer.scoring.evaluation_data import EvaluationOptions, evaluation_data
from featurizer.scoring.leaderboard import steps
from featurizer.scoring.scorer import ScoreOptions
from featurizer.scoring.spaces import fused, open_candidates, read_space
from featurizer.scoring.taught import origin

ITEMS, USERS, KINDS = 300, 240, 6
OPTIONS = ScoreOptions(ks=(5,), neighbors=(3,))
QUICK = AlignOptions(folds=1, ranks=(4, 8), ridges=(0.1, 1), shares=(1.0, 3.0), weights=(0.5, 1), halved=())
IDS = [f"i{row:03d}" for row in range(ITEMS)]


def frame(seed=0):
    draw, rows = np.random.default_rng(seed), []
    for user in range(USERS):
        own = [item for item in range(ITEMS) if item % KINDS == user % KINDS]
        for place, item in enumerate(draw.choice(own, 9, replace=False)):
            rows.append(
                (f"u{user:03d}", IDS[item], "train" if place < 7 else "valid" if place < 8 else "test")
            )
    return pl.DataFrame(rows, schema=["user_id", "item_id", "split"], orient="row")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An aligned set, and the content it was made of."""
    root = tmp_path_factory.mktemp("cold")
    draw = np.random.default_rng(1)
    spaces = [
        ArraySpace(
            name,
            side,
            (draw.standard_normal((KINDS, 9))[np.arange(ITEMS) % KINDS] + noise).astype(np.float32),
        )
        for name, side, noise in (
            ("eye_image", "image", 2 * draw.standard_normal((ITEMS, 9))),
            ("word_text", "text", 2 * draw.standard_normal((ITEMS, 9))),
        )
    ]
    made = write_arrays(root / "features", IDS, spaces)
    write_interactions(frame().with_columns(timestamp=None, rating=None), root / "clicks.parquet")
    learned = align(AlignStage(made, root / "clicks.parquet", root / "aligned", options=QUICK))
    assert learned.manifest.choice.share > 0
    return root / "aligned" / "features"


def world(rows=None):
    return evaluation_data(frame() if rows is None else rows, IDS, EvaluationOptions())


def with_garbage():
    """The same interactions, those of the cold items, of every split, replaced by drawn ones."""
    cold_ids = [IDS[row] for row in np.flatnonzero(cold.ColdData.of(world(), 0).cold)]
    draw = np.random.default_rng(5)
    rows = frame().filter(~pl.col("item_id").is_in(cold_ids))
    users = rows["user_id"].unique().sort().to_list()
    garbage = pl.DataFrame(
        {
            "user_id": draw.choice(users, 400),
            "item_id": draw.choice(cold_ids, 400),
            "split": draw.choice(["train", "valid", "test"], 400),
        }
    )
    return pl.concat([rows, garbage])


def space(folder, name):
    (candidate,), _ = open_candidates([folder])
    return read_space(candidate, name, "auto", {})


def found(folder, name, data=None):
    return {one.key.metric: one.values for one in cold.score(space(folder, name), data or world(), OPTIONS)}


def test_cold_recall_equals_the_written_out_mean(folder):
    data, scored = world(), space(folder, "eye_image+word_text")
    drawn = cold.ColdData.of(data, 0)
    units = scored.vectors / np.linalg.norm(scored.vectors, axis=1, keepdims=True)
    among, everywhere = [], []
    for user in range(USERS):
        warm = data.train.items[data.train.starts[user] : data.train.starts[user + 1]]
        warm = warm[~drawn.cold[warm]]
        wanted = data.bought.items[data.bought.starts[user] : data.bought.starts[user + 1]]
        wanted = wanted[drawn.cold[wanted]]
        if not len(warm) or not len(wanted):
            continue
        scores = units @ units[warm].mean(0)
        for kept, values in ((drawn.cold, among), (~np.isin(np.arange(ITEMS), warm), everywhere)):
            best = [item for item in np.argsort(-scores, kind="stable") if kept[item]][:5]
            values.append(np.isin(wanted, best).sum() / len(wanted))
    values = found(folder, "eye_image+word_text")
    np.testing.assert_allclose(values["cold_recall"], among)
    np.testing.assert_allclose(values["cold_in_all_recall"], everywhere)


def test_replacing_all_interactions_of_cold_items_by_garbage_leaves_the_learned_vectors_bit_equal(folder):
    part = space(folder, "aligned").parts[0]
    honest = cold.ColdData.of(world(), 0)
    other = cold.ColdData.of(world(with_garbage()), 0)
    first, again = (part.taught.learn(data.warm, list)[0] for data in (honest, other))
    assert honest.wanted.items.tobytes() != other.wanted.items.tobytes()
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != part.vectors.tobytes()


def test_the_space_that_interactions_taught_is_scored_as_learned_without_the_cold_ones(folder):
    data = cold.ColdData.of(world(), 0)
    part = space(folder, "aligned").parts[0]
    vectors, _ = part.taught.learn(data.warm, list)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    values = found(folder, "aligned")["cold_recall"]
    assert part.taught.items.sum() == (world().train.popularity() > 0).sum()
    assert len(values) == len({*data.wanted.users.tolist()} & {*data.warm.users.tolist()})
    assert np.isfinite(units).all()


def test_what_another_file_taught_is_told_and_a_space_is_not_joined_with_itself(folder, tmp_path):
    other = tmp_path / "other.parquet"
    write_interactions(frame(7).with_columns(timestamp=None, rating=None), other)
    made = fz.score_features(
        [folder], interactions=other, out=tmp_path / "s", metrics=("zero-shot",), k=(5,), spaces=("aligned",)
    )
    assert made.document["origins"]["features"]["aligned"] == "other interactions, unknown"
    assert made.document["counts"]["test_pairs"] == USERS
    with pytest.raises(InputError, match="joins a space with itself"):
        board(folder, tmp_path / "twice", spaces=("aligned+aligned",))


def test_what_was_aligned_of_vectors_of_unknown_origin_is_called_both(folder, tmp_path):
    scores = board(folder, tmp_path / "scores", spaces=("aligned",), metrics=("zero-shot",))
    assert scores.document["origins"]["features"]["aligned"] == "interactions, unknown"
    spaces = {name: replaced(spec) for name, spec in fz.open_folder(folder).spaces.items()}
    assert origin("aligned", spaces) == "interactions"
    del spaces["eye_image"]
    assert origin("aligned", spaces) == "interactions"


def replaced(spec):
    """The same space as an encoder's own, where it has no family."""
    return spec if spec.family == "align" else spec.model_copy(update={"family": "timm"})


def test_a_taught_space_without_what_it_was_made_of_is_refused(folder, tmp_path):
    (candidate,), _ = open_candidates([folder])
    vectors, present = candidate.features.vectors("aligned")
    told = candidate.features.spaces["aligned"].document()
    write_arrays(tmp_path / "alone", IDS, [ArraySpace("aligned", "both", vectors, present, told)])
    with pytest.raises(InputError, match="60 cold items taught the space aligned, and how is not known here"):
        found(tmp_path / "alone", "aligned")


def test_a_taught_space_that_is_not_to_be_learned_again_is_refused(folder):
    kept = replace(OPTIONS, refit=False)
    with pytest.raises(
        InputError, match="60 cold items taught the space aligned, and --no-refit keeps it as it is"
    ):
        list(cold.score(space(folder, "aligned"), world(), kept))
    assert len(list(cold.score(space(folder, "eye_image"), world(), kept)))


def test_the_random_baseline_is_exact_for_the_cold_items(folder):
    baselines = {one.key.metric: one.values for one in cold.random_cold_baseline(world(), OPTIONS)}
    assert baselines["floor_random_cold_recall"].tolist() == [5 / (ITEMS // 5)] * len(
        found(folder, "eye_image")["cold_recall"]
    )
    n_warm = cold.ColdData.of(world(), 0).warm.counts
    everywhere = baselines["floor_random_cold_in_all_recall"]
    possible = {round(5 / (ITEMS - count), 12) for count in n_warm.tolist()}
    assert {round(value, 12) for value in everywhere.tolist()} <= possible
    assert "floor_random_cold_recall" not in {one.key.metric for one in random_baseline(world(), OPTIONS)}


def test_an_alignment_trained_on_co_purchases_is_refused_and_one_without_is_scored(folder, tmp_path):
    (candidate,), _ = open_candidates([folder])
    vectors, present = candidate.features.vectors("eye_image")
    for name, terms in (("taught", {"copurchase": 0.5}), ("plain", {"contrastive": 0.5})):
        told = {"family": "ica", "preprocessing": {"terms": terms}}
        unified = ArraySpace("unified", "both", vectors, present, told)
        write_arrays(tmp_path / name, IDS, [unified])
    assert len(found(tmp_path / "plain", "unified")["cold_recall"])
    with pytest.raises(InputError, match="60 cold items taught the space unified"):
        found(tmp_path / "taught", "unified")


def control(folder, name, draw):
    rows = dict(cold.controls(space(folder, name), world(), OPTIONS, draw))
    return {
        kind: next(one.values for one in rows[kind] if one.key.metric == f"floor_{kind}_cold_recall")
        for kind in ("noise", "shuffled")
    }


def test_what_has_nothing_to_find_finds_what_a_random_order_does(folder):
    draws = [control(folder, "eye_image+word_text", draw) for draw in range(40)]
    for kind in ("noise", "shuffled"):
        values = np.concatenate([one[kind] for one in draws])
        assert values.mean() == pytest.approx(5 / (ITEMS // 5), rel=0.1)


def test_the_controls_of_a_taught_space_learn_it_again_from_the_other_content(folder):
    (first, again), other = (control(folder, "aligned", 0) for _ in range(2)), control(folder, "aligned", 1)
    honest = found(folder, "aligned")["cold_recall"]
    for kind in ("noise", "shuffled"):
        assert first[kind].tolist() == again[kind].tolist() != other[kind].tolist()
        assert first[kind].mean() < honest.mean() - 0.2


def board(folder, out, **changes):
    settings = {"metrics": ("zero-shot", "cold"), "k": (5,), "neighbors": (3,)} | changes
    return fz.score_features([folder], interactions=folder.parents[1] / "clicks.parquet", out=out, **settings)


def test_the_board_of_one_space_shows_the_join_the_single_spaces_and_the_controls(folder, tmp_path):
    made = board(folder, tmp_path / "scores", spaces=("aligned",))
    table = made.table
    assert {row[1] for row in table.rows} == {
        "aligned", "eye_image", "word_text", "eye_image+word_text", "popularity", "random", "noise", "shuffled",
    }  # fmt: skip
    at = table.header.index("cold R@5")
    cells = {row[1]: row[at] for row in table.rows}
    assert cells["popularity"] == "-"
    assert "-" not in {cells[name] for name in ("noise", "shuffled", "random", "aligned")}
    learned = {row[1]: row[-1] for row in table.rows}
    assert table.header[-1] == "learned from"
    assert learned["aligned"] == "interactions, unknown"  # of imported vectors
    assert (learned["eye_image"], learned["noise"]) == ("unknown", "-")
    told = steps(table, made.scores.comparisons, made.scores.references)
    assert len(told) == 4
    assert all("aligned" in line for line in told)
    assert sum("eye_image+word_text" in line for line in told) == 2


def test_references_are_not_scored_by_what_trains_recommenders(folder, tmp_path):
    made = board(folder, tmp_path / "scores", spaces=("aligned",), metrics=("diagnostics",))
    assert {row[1] for row in made.table.rows} == {"aligned"}


def test_chosen_weights_are_recorded_and_noise_weighs_less(folder, tmp_path):
    (candidate,), _ = open_candidates([folder])
    good, present = candidate.features.vectors("eye_image")
    noise = np.random.default_rng(3).standard_normal(good.shape).astype(np.float32)
    spaces = [ArraySpace("good_image", "image", good, present), ArraySpace("bad_text", "text", noise)]
    write_arrays(tmp_path / "set" / "features", IDS, spaces)
    shutil.copy(folder.parents[1] / "clicks.parquet", tmp_path)
    settings = {"spaces": ("good_image+bad_text",), "fusion": "auto"}
    made = board(tmp_path / "set" / "features", tmp_path / "auto", **settings)
    (chosen,) = made.document["fusion"]["features"].values()
    assert len(chosen["weights"]) == 2
    assert chosen["weights"][0] > chosen["weights"][1]
    plain = board(tmp_path / "set" / "features", tmp_path / "equal", spaces=settings["spaces"])
    assert plain.document["fusion"] == {}


def test_fusion_of_cold_items_is_chosen_again_without_their_interactions(folder, monkeypatch):
    honest, garbage = world(), world(with_garbage())
    joined = space(folder, "eye_image+word_text")
    maps = []

    def kept(*given):
        made = fused(*given)
        maps.append(made.fusion)
        return made

    monkeypatch.setattr(cold, "fused", kept)
    for data in (honest, garbage):
        chosen = fused(joined, data.train, 0)
        assert [one.key.metric for one in cold.score(chosen, data, OPTIONS)]
    assert maps[0].weights == maps[1].weights
    assert maps[0].means[0].tobytes() == maps[1].means[0].tobytes()
    assert maps[0].told == fused(joined, cold.ColdData.of(honest, 0).warm, 0).fusion.told
