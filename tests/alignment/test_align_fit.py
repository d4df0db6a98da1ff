"""What the alignment learns, what it refuses, and that held-out interactions play no part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import planted
import polars as pl
import pytest
from typer.testing import CliRunner

import featurizer as fz
from featurizer.alignment import folds as folding
from featurizer.alignment import ppmi
from featurizer.alignment.again import again
from featurizer.alignment.align import Aligned, AlignStage, align
from featurizer.alignment.behavior import behavior_vectors
from featurizer.alignment.choose import choose_fusion
from featurizer.alignment.fit import fit
from featurizer.alignment.folds import folds
from featurizer.alignment.options import AlignOptions
from featurizer.alignment.ppmi import Ppmi
from featurizer.alignment.saved_model import load_map
from featurizer.cli.app import app
from featurizer.errors import InputError, StaleOutput
from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.interactions.store import write_interactions
from featurizer.interactions.user_items import UserItems
from featurizer.operations.align import Align

QUICK = AlignOptions(folds=2, ranks=(4, 8), ridges=(0.1, 1), shares=(1, 3), weights=(0.5, 1), halved=(8,))


def features(tmp_path, changed=None):
    ids = [f"i{row}" for row in range(planted.ITEMS)]
    image, text = planted.parts()
    spaces = [ArraySpace("eye_image", "image", *image), ArraySpace("word_text", "text", *text)]
    return write_arrays(tmp_path / "features", ids, changed or spaces)


def interactions(tmp_path, prefix="i"):
    train = planted.train()
    rows = {
        "user_id": [f"u{user}" for user in train.users.tolist()],
        "item_id": [f"{prefix}{item}" for item in train.items.tolist()],
    }
    frame = pl.DataFrame(rows).with_columns(timestamp=None, rating=None, split=pl.lit("train"))
    write_interactions(frame, tmp_path / "clicks.parquet")
    return tmp_path / "clicks.parquet"


def test_mapped_content_tells_kinds_better_than_content_alone():
    learned = fit(planted.parts(), planted.train(), QUICK)
    assert learned.choice.share > 0
    assert learned.choice.recall > learned.choice.content_recall
    vectors, present = learned.mapping(planted.parts())
    assert present.all()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)


def few_items(few):
    """The first of the planted items, and whoever has one."""
    parts = [(vectors[:few], present[:few]) for vectors, present in planted.parts()]
    whole = planted.train()
    users, items = whole.users[whole.items < few], whole.items[whole.items < few]
    return parts, UserItems.from_pairs(users, items, n_users=planted.USERS, n_items=few)


def test_where_a_map_adds_nothing_the_join_is_kept():
    """Content that tells the kinds apart finds everything: no choice finds more."""
    parts = planted.parts(noise=0.0)
    learned = fit(parts, planted.train(), QUICK)
    assert (learned.choice.recall, learned.choice.content_recall) == (1, 1)
    assert learned.choice.share == 0
    vectors, _ = learned.mapping(parts)
    joined = np.concatenate(
        [normalized(vectors - vectors[there].mean(0)) * there[:, None] for vectors, there in parts], 1
    )
    likeness = normalized(joined) @ normalized(joined).T
    np.testing.assert_allclose(vectors @ vectors.T, likeness, atol=2e-3)


@pytest.mark.parametrize("few", [24, 60, 240])
def test_of_few_held_out_items_fewer_are_shown_so_that_not_every_choice_finds_everything(few):
    parts, train = few_items(few)
    inner = list(folds(train, 5, 1500, 0))
    assert {fold.k for fold in inner} == {max(1, few // 5 // 4)}
    recalls = [
        np.mean([fold.recall(side[0][fold.rows]) for fold in inner])
        for side in (parts[0], (np.random.default_rng(1).standard_normal((few, 8)).astype(np.float32), None))
    ]
    assert recalls[0] > recalls[1]
    assert recalls[1] < 0.5
    learned = fit(parts, train, QUICK)
    assert learned.choice.k == inner[0].k
    assert learned.choice.recall < 1


def normalized(vectors):
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def test_the_same_seed_gives_the_same_bits():
    first, again = (fit(planted.parts(), planted.train(), QUICK).mapping for _ in range(2))
    assert first.matrix.tobytes() == again.matrix.tobytes()
    assert first.content.basis.tobytes() == again.content.basis.tobytes()


def test_a_saved_map_gives_the_vectors_of_its_feature_set_and_says_what_taught_it(tmp_path):
    made = align(AlignStage(features(tmp_path), interactions(tmp_path), tmp_path / "out", options=QUICK))
    stored, present = made.features.vectors("aligned")
    saved = load_map(tmp_path / "out")
    vectors, _ = saved.mapping(planted.parts())
    np.testing.assert_array_equal(stored, vectors)
    assert present.all()
    assert list(made.features.spaces) == ["aligned", "eye_image", "word_text"]
    assert made.features.spaces["aligned"].supervised.items == len(saved.supervised) == planted.ITEMS
    assert made.features.spaces["eye_image"].supervised is None
    assert Aligned.open(tmp_path / "out").manifest.model_type == "align"


def test_given_weights_are_kept_and_must_be_one_a_space(tmp_path):
    stage = AlignStage(
        features(tmp_path), interactions(tmp_path), tmp_path / "out", weights=(2.0, 1.0), options=QUICK
    )
    assert align(stage).manifest.weights == (2.0, 1.0)
    with pytest.raises(
        InputError, match="1 weights for the spaces eye_image, word_text; expected one a space"
    ):
        AlignStage(stage.features, stage.interactions, tmp_path / "o", weights=(2.0,)).names()
    for wrong in ((0.0, 0.0), (-1.0, 1.0), (float("nan"), 1.0), (1.0, float("inf"))):
        with pytest.raises(InputError, match="expected numbers from 0, one of them at least above 0"):
            replace(stage, weights=wrong).names()


def test_equal_weights_can_be_given_on_the_command_line(tmp_path):
    made, file = features(tmp_path), interactions(tmp_path)
    given = ["align", str(made.folder), "-i", str(file), "--out", str(tmp_path / "out"), "--folds", "1"]
    done = CliRunner().invoke(app, [*given, "--rank", "4,8,4", "--weights", "1,1"])
    assert done.exit_code == 0, done.stderr
    assert load_map(tmp_path / "out").manifest.weights == (1.0, 1.0)


def test_interactions_of_other_ids_are_an_error(tmp_path):
    stage = AlignStage(features(tmp_path), interactions(tmp_path, "other"), tmp_path / "out", options=QUICK)
    with pytest.raises(InputError, match="no train interaction is of an item of the feature set"):
        align(stage)


def test_users_of_one_item_each_are_an_error():
    train = planted.train(each=1)
    with pytest.raises(InputError, match="no user has two items"):
        fit(planted.parts(), train, QUICK)


def test_too_few_seen_items_are_an_error():
    train = planted.train()
    kept = train.items < 6
    few = type(train).from_pairs(
        train.users[kept], train.items[kept], n_users=planted.USERS, n_items=planted.ITEMS
    )
    with pytest.raises(InputError, match="6 items have both a vector and train interactions"):
        fit(planted.parts(), few, QUICK)


def test_fewer_items_than_dimensions_are_an_error():
    wide = QUICK.model_copy(update={"ranks": (512, 256)})
    with pytest.raises(
        InputError,
        match="240 items have both a vector and train interactions, expected at least 256: as many",
    ):
        fit(planted.parts(), planted.train(), wide)


def test_a_fold_holds_out_so_many_items_at_most(monkeypatch):
    monkeypatch.setattr(folding, "MOST", 7)
    inner = list(folds(planted.train(), 3, 1500, 0))
    assert [len(fold.held) for fold in inner] == [7, 7, 7]
    assert {fold.k for fold in inner} == {1}


def test_a_fold_in_which_nothing_is_bought_together_teaches_no_map():
    """One user has two items, and one of these is held out: nothing is left to learn from."""
    users, items = np.array([0, *range(planted.ITEMS)]), np.array([0, 1, *range(1, planted.ITEMS)])
    train = UserItems.from_pairs(users, items, n_users=planted.ITEMS, n_items=planted.ITEMS)
    for fold in folds(train, 5, 1500, 0):
        assert behavior_vectors(Ppmi.of(fold.train), 8, 0).shape == (planted.ITEMS, 0)
    parts = planted.parts()
    learned = fit(parts, train, QUICK.model_copy(update={"folds": 5}))
    assert learned.choice.share == 0
    assert learned.mapping(parts)[1].all()


def test_interactions_that_are_noise_teach_nothing():
    """Of twelve draws most keep the join: a map has to gain two standard errors, though it is the best of many."""
    kept = []
    for seed in range(12):
        draw = np.random.default_rng(seed)
        users = np.repeat(np.arange(planted.USERS), 8)
        items = draw.integers(planted.ITEMS, size=len(users))
        train = UserItems.from_pairs(users, items, n_users=planted.USERS, n_items=planted.ITEMS)
        choice = fit(planted.parts(seed), train, QUICK).choice
        kept.append(choice.share == 0)
        assert (choice.error is None) == kept[-1]
    assert sum(kept) >= 9


def test_the_figure_of_a_join_that_is_cut_is_that_of_what_is_stored():
    wide = fit(planted.parts(), planted.train(), QUICK.model_copy(update={"shares": (1e-9,)}))
    narrow = fit(planted.parts(), planted.train(), QUICK.model_copy(update={"width": 1, "shares": (1e-9,)}))
    assert narrow.mapping.matrix.shape[1] == 1
    assert narrow.choice.recall < narrow.choice.content_recall
    assert wide.choice.recall == pytest.approx(wide.choice.content_recall, abs=0.02)


def test_rows_of_items_that_the_set_does_not_hold_are_counted_and_said(tmp_path):
    made, file = features(tmp_path), interactions(tmp_path)
    more = pl.read_parquet(file)
    strange = more.head(30).with_columns(item_id=pl.lit("z") + pl.col("item_id"))
    write_interactions(pl.concat([more, strange]), file)
    asked = {
        "features": made.folder,
        "interactions": file,
        "out": tmp_path / "out",
        "folds": 1,
        "ranks": (4,),
    }
    out = fz.align(**asked)
    assert out.manifest.foreign_pairs == 30
    warnings = "".join(Align(**asked).outcome(out).warnings)
    assert "30 train rows are of items that the feature set does not hold" in warnings


def test_a_folder_that_holds_something_else_is_not_aligned_into(tmp_path):
    made = features(tmp_path)
    with pytest.raises(StaleOutput, match="one that 'featurizer align' wrote"):
        align(AlignStage(made, interactions(tmp_path), made.folder, options=QUICK))
    assert not (made.folder / "model").exists()


def test_which_items_have_a_picture_is_told_by_the_pictures_space(tmp_path):
    (image, _), (text, _) = planted.parts()
    seen, read = np.arange(planted.ITEMS) % 3 > 0, np.arange(planted.ITEMS) % 5 > 0
    spaces = [ArraySpace("eye_image", "image", image, seen), ArraySpace("word_text", "text", text, read)]
    made = features(tmp_path, spaces)
    aligned = align(AlignStage(made, interactions(tmp_path), tmp_path / "out", options=QUICK)).features
    for one in (made, aligned):
        assert (one.manifest.with_image, one.manifest.with_text) == (seen.sum(), read.sum())
    joint = ArraySpace("j", "both", np.ones((2, 3), np.float32))
    alone = write_arrays(tmp_path / "both", ["a", "b"], [joint])
    assert (alone.manifest.with_image, alone.manifest.with_text) == (2, 2)


def test_vectors_that_are_all_the_same_are_an_error():
    same = np.full((planted.ITEMS, 3), 0.1, np.float32)
    parts = [(same, np.ones(planted.ITEMS, bool))]
    with pytest.raises(InputError, match="the vectors of all 240 items are the same"):
        fit(parts, planted.train(), QUICK)
    beside = fit([*parts, planted.parts()[0]], planted.train(), QUICK).mapping([*parts, planted.parts()[0]])
    assert beside[1].all()


def test_a_vector_that_is_not_finite_is_an_error():
    broken = planted.parts()
    broken[0][0][3, 2] = np.nan
    with pytest.raises(InputError, match="1 items have a vector that is not finite"):
        fit(broken, planted.train(), QUICK)


def test_a_damaged_map_is_an_error(tmp_path):
    align(AlignStage(features(tmp_path), interactions(tmp_path), tmp_path / "out", options=QUICK))
    (tmp_path / "out/model/align.safetensors").write_bytes(b"no")
    with pytest.raises(InputError, match="damaged"):
        load_map(tmp_path / "out")
    with pytest.raises(InputError, match="expected a map made by"):
        load_map(tmp_path)


def test_fusion_turns_noise_down_and_half_whitens_only_where_held_out_items_gain():
    good = planted.parts(noise=2.0)[0]
    noise = np.random.default_rng(2).standard_normal((planted.ITEMS, 10)).astype(np.float32)
    parts = [good, (noise, np.ones(planted.ITEMS, bool))]
    options = AlignOptions(halved=())
    chosen = choose_fusion(parts, planted.train(), options)
    assert chosen.basis is None
    assert chosen.weights[0] > chosen.weights[1]
    halved = choose_fusion(parts, planted.train(), AlignOptions(halved=(8, 12)))
    inner = list(folds(planted.train(), options.folds, options.fold_users, options.seed))
    recalls = [
        np.mean([fold.recall(content(parts)[fold.rows]) for fold in inner]) for content in (chosen, halved)
    ]
    assert (halved.basis is None) == (recalls[0] == recalls[1])
    assert recalls[1] >= recalls[0]


TAUGHT = {
    "by a list": {
        "family": "align",
        "supervised": {"interactions": "0" * 64, "items": 5},
        "preprocessing": {},
    },
    "by co-purchases": {"family": "ica", "preprocessing": {"terms": {"copurchase": 0.5}}},
    "by its epoch": {"family": "ica", "preprocessing": {"terms": {"epoch": "0" * 64}}},
}


@pytest.mark.parametrize("how", TAUGHT)
def test_a_space_that_saw_interactions_is_not_mapped_and_not_learned_again_from(tmp_path, how):
    (image, present), (text, _) = planted.parts()
    spaces = [
        ArraySpace("eye_image", "image", image, present),
        ArraySpace("mine", "both", text, present, TAUGHT[how]),
    ]
    made = features(tmp_path, spaces)
    stage = AlignStage(made, interactions(tmp_path), tmp_path / "out", options=QUICK)
    assert stage.names() == ("eye_image",)
    for named in (("mine",), ("eye_image", "mine")):
        with pytest.raises(InputError, match="mine saw interactions"):
            replace(stage, spaces=named).names()
    with pytest.raises(InputError, match="each once"):
        replace(stage, spaces=("eye_image", "eye_image")).names()
    spec = align(stage).features.spaces["aligned"]
    beside = dict(made.spaces)
    assert again(spec, beside) is not None
    assert again(spec, {**beside, "eye_image": beside["mine"]}) is None


def test_given_weights_are_those_that_it_is_learned_again_with(tmp_path):
    stage = AlignStage(
        features(tmp_path), interactions(tmp_path), tmp_path / "out", options=QUICK, weights=(0.5, 1.0)
    )
    spec = align(stage).features.spaces["aligned"]
    recipe = again(spec, stage.features.spaces)
    assert recipe.weights == (0.5, 1.0)
    hostile = spec.model_copy(update={"preprocessing": {**spec.preprocessing, "options": {"folds": "many"}}})
    assert again(hostile, stage.features.spaces) is None


def test_on_many_threads_the_same_bits_come_out(monkeypatch):
    right = np.random.default_rng(0).standard_normal((planted.ITEMS, 5)).astype(np.float32)
    monkeypatch.setattr(ppmi, "BLOCK_PAIRS", 4000)
    found = []
    for threads in (1, 8):
        monkeypatch.setattr(ppmi, "cpu_threads", lambda _, threads=threads: threads)
        found.append(Ppmi.of(planted.train()) @ right)
    assert found[0].tobytes() == found[1].tobytes()
