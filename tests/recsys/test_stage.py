from __future__ import annotations

import json
from functools import partial

import numpy as np
import polars as pl
import pytest
import torch
from toy import MODELS, small, toy_data, toy_features, toy_interactions

from featurizer.errors import InputError, StaleOutput, UnknownName
from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.interactions.store import read_split, write_interactions
from featurizer.ranking.metrics import means
from featurizer.ranking.rank import dot_products, rank
from featurizer.recsys import options as options_module
from featurizer.recsys import train as stage_module
from featurizer.recsys.content import default_space, read_features
from featurizer.recsys.data import assemble
from featurizer.recsys.models.alignrec import AlignRec
from featurizer.recsys.options import TrainOptions
from featurizer.recsys.recommend import recommend
from featurizer.recsys.registry import load_recommender
from featurizer.recsys.summary import describe
from featurizer.recsys.train import refuse_foreign_folder, train
from featurizer.recsys.tune import choices, tune
from featurizer.recsys.vectors import export_vectors, read_vectors

TRAINING = {"epochs": 6, "learning_rate": 0.03, "checkpoint_every": 2}
SMALL = small(training=TRAINING)


def trained(out, data=None, configuration=SMALL, **changes):
    given = {"inputs": {"features": "x"}} | changes
    return train(out, configuration, data or toy_data(), **given)


@pytest.mark.parametrize("name", MODELS)
def test_every_reported_figure_can_be_recomputed_from_the_two_vector_files(tmp_path, name):
    data = toy_data()
    summary = trained(tmp_path, data, configuration=small(name, training=TRAINING), seeds=2)
    user_ids, users = read_vectors(tmp_path / "users.parquet", "user_id")
    item_ids, items = read_vectors(tmp_path / "items.parquet", "item_id")
    assert user_ids == list(data.user_ids)
    assert item_ids == list(data.item_ids)
    for split in ("valid", "test"):
        score = dot_products(torch.from_numpy(users), torch.from_numpy(items))
        again = means(rank(score, data.train, getattr(data, split), 20), list(getattr(summary, split)))
        for metric, value in getattr(summary, split).items():
            assert abs(again[metric] - value) < 1e-12
    all_items = next(group for group in summary.groups if group.name == "all")
    assert all_items.recall == pytest.approx(summary.test["recall@20"], abs=1e-12)


@pytest.mark.parametrize(
    ("train_pairs", "batch"),
    [(1, 2048), (118_551, 2048), (262_144, 2048), (262_145, 2049), (1_350_003, 10_547)],
)
def test_no_batch_size_means_2048_pairs_and_on_large_data_128_steps_an_epoch(train_pairs, batch):
    assert TrainOptions().batch(train_pairs) == batch
    assert TrainOptions(batch_size=2048).batch(train_pairs) == 2048


def test_a_batch_size_that_the_data_decides_is_trained_with_and_recorded(tmp_path, monkeypatch):
    monkeypatch.setattr(options_module, "BATCH", 8)
    monkeypatch.setattr(options_module, "STEPS", 5)
    data = toy_data()
    batch = -(-len(data.train.items) // 5)
    for folder, asked in (("left", None), ("asked", batch)):
        trained(tmp_path / folder, data, small(training=TRAINING | {"batch_size": asked}))
        config = json.loads((tmp_path / folder / "model" / "config.json").read_text())
        assert config["training"]["batch_size"] == batch
    left, asked = (tmp_path / folder / "model" / "model.safetensors" for folder in ("left", "asked"))
    assert left.read_bytes() == asked.read_bytes()


def test_the_folder_holds_what_the_format_promises(tmp_path):
    summary = trained(tmp_path, seeds=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["items.parquet", "model", "users.parquet"]
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [
        "config.json",
        "manifest.json",
        "metrics.jsonl",
        "model.safetensors",
    ]
    lines = [json.loads(line) for line in (tmp_path / "model/metrics.jsonl").read_text().splitlines()]
    assert [(line["seed"], line["epoch"]) for line in lines] == [(s, e) for s in (0, 1) for e in range(1, 7)]
    assert {"seconds_train", "seconds_valid", "loss", "loss_bpr", "loss_cca", "valid_recall@20"} <= set(
        lines[0]
    )
    assert summary.document() == json.loads((tmp_path / "model/manifest.json").read_text())
    assert summary.model_extra == summary.groups[0].model_extra == summary.seeds[0].model_extra == {}
    assert [row.seed for row in summary.seeds] == [0, 1]
    values = [row.test["recall@20"] for row in summary.seeds]
    assert summary.over_seeds["test"]["recall@20"].mean == pytest.approx(np.mean(values))
    assert summary.over_seeds["test"]["recall@20"].sd == pytest.approx(np.std(values, ddof=1))
    best = max(summary.seeds, key=lambda row: row.valid["recall@20"])
    assert summary.seed == best.seed
    assert summary.test == best.test


def test_a_finished_stage_is_not_run_again_and_another_configuration_is_refused(tmp_path, monkeypatch):
    first = trained(tmp_path)
    monkeypatch.setattr(stage_module, "fit", None)
    assert trained(tmp_path) == first
    other = SMALL.changed(training={"learning_rate": 0.01})
    with pytest.raises(StaleOutput, match=r"training\.learning_rate"):
        trained(tmp_path, configuration=other)


@pytest.mark.parametrize(("epoch", "left"), [(1, 5), (4, 3)])
def test_a_killed_stage_goes_on_and_ends_the_same_without_training_a_finished_seed_again(
    tmp_path, monkeypatch, epoch, left
):
    class Killed(BaseException):
        pass

    def kill(progress) -> None:
        if progress.stage.endswith("seed 1") and progress.done == epoch:
            raise Killed

    five = SMALL.changed(training={"epochs": 5})
    straight = trained(tmp_path / "a", seeds=2, configuration=five)
    with pytest.raises(Killed):
        trained(tmp_path / "b", seeds=2, configuration=five, report=kill)
    assert not (tmp_path / "b/model/manifest.json").exists()
    epochs = []
    whole_epoch = AlignRec.begin_epoch
    monkeypatch.setattr(
        AlignRec, "begin_epoch", lambda *arguments: (epochs.append(1), whole_epoch(*arguments))
    )
    resumed = trained(tmp_path / "b", seeds=2, configuration=five)
    assert len(epochs) == left
    assert resumed.seeds == straight.seeds
    for name in ("users.parquet", "items.parquet", "model/model.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_folder_of_something_else_is_not_trained_into(tmp_path):
    (tmp_path / "catalog.json").write_text("{}")
    with pytest.raises(StaleOutput, match=r"holds catalog\.json"):
        trained(tmp_path)
    with pytest.raises(InputError, match="is a file"):
        trained(tmp_path / "catalog.json")
    assert [path.name for path in tmp_path.iterdir()] == ["catalog.json"]


def test_a_models_card_beside_it_is_no_foreign_file(tmp_path):
    (tmp_path / "README.md").touch()
    refuse_foreign_folder(tmp_path)


def test_users_without_train_items_and_cold_items_are_counted(tmp_path):
    stranger = pl.DataFrame(
        {"user_id": ["new"] * 2, "item_id": ["i000", "fresh"], "split": ["valid", "test"]}
    )
    data = assemble(pl.concat([toy_interactions(), stranger]), *toy_features())
    found = trained(tmp_path, data).data
    assert found["users_without_train_items"] == 1
    assert found["valid_users_not_ranked"] == found["test_users_not_ranked"] == 1
    assert found["items_not_in_feature_set"] == found["cold_items"] == found["items_without_features"] == 1
    assert found["items_not_in_feature_set_such_as"] == ["fresh"]
    with pytest.raises(InputError, match="'new' has no train items"):
        recommend(tmp_path, "new", 3)


def test_pairs_that_stand_in_two_splits_are_counted(tmp_path):
    frame = toy_interactions()
    train_pair, valid_pair = (frame.filter(pl.col("split") == name).head(1) for name in ("train", "valid"))
    again = [pair.with_columns(split=pl.lit("test")) for pair in (train_pair, valid_pair)]
    found = describe(assemble(pl.concat([frame, *again]), *toy_features()))
    assert (found["test_pairs_in_train"], found["test_pairs_in_valid"], found["valid_pairs_in_train"]) == (
        1,
        1,
        0,
    )


def test_users_who_trained_on_everything_are_counted():
    frame = toy_interactions()
    items = frame.filter(pl.col("split") == "train")["item_id"].unique()
    glutton = pl.DataFrame(
        {"user_id": ["all"] * len(items), "item_id": items, "split": ["train"] * len(items)}
    )
    assert describe(assemble(pl.concat([frame, glutton]), *toy_features()))["users_without_negatives"] == 1


def test_a_list_holds_the_best_dot_products_without_the_train_items(tmp_path):
    data = toy_data()
    trained(tmp_path, data)
    _, users = read_vectors(tmp_path / "users.parquet", "user_id")
    ids, items = read_vectors(tmp_path / "items.parquet", "item_id")
    seen = {ids[item] for item in data.train.items[data.train.starts[3] : data.train.starts[4]]}
    expected = [ids[i] for i in np.argsort(-(items @ users[3]), kind="stable") if ids[i] not in seen]
    assert [one.item_id for one in recommend(tmp_path, "u003", 7)] == expected[:7]
    assert len(recommend(tmp_path, "u003", 100)) == 26
    with pytest.raises(UnknownName, match="u003"):
        recommend(tmp_path, "u0003", 7)
    with pytest.raises(InputError, match="featurizer train"):
        recommend(tmp_path / "nowhere", "u003", 7)


def test_vectors_are_exported_as_feature_sets(tmp_path):
    trained(tmp_path / "model")
    users, items = export_vectors(tmp_path / "model", tmp_path / "export")
    assert users.item_ids() == list(toy_data().user_ids)
    vectors, present = items.vectors("recsys")
    assert present.all()
    assert (vectors == read_vectors(tmp_path / "model/items.parquet", "item_id")[1]).all()


def test_a_search_is_by_validation_and_resumes_without_repeating_trials(tmp_path):
    grid = SMALL.recommender.grid
    points = choices(grid, "random", 3, seed=0)
    assert len({tuple(point.values()) for point in points}) == 3
    assert len(choices(grid, "grid", 1, seed=0)) == 7 * 5 * 5

    class Killed(BaseException):
        pass

    def kill(progress) -> None:
        if progress.stage == "tune" and progress.done == 2:
            raise Killed

    search = partial(tune, tmp_path, SMALL, toy_data(), grid=grid, trials=3, inputs={})
    with pytest.raises(Killed):
        search(report=kill)
    before = (tmp_path / "trials.jsonl").read_text()
    assert len(before.splitlines()) == 2
    trials = search()
    assert (tmp_path / "trials.jsonl").read_text().startswith(before)
    assert [trial.valid for trial in trials] == sorted((trial.valid for trial in trials), reverse=True)
    assert json.loads((tmp_path / "tune.json").read_text())["best"] == dict(trials[0].values)
    assert search() == trials
    assert "test" not in (tmp_path / "trials.jsonl").read_text()


def test_a_search_that_replaces_a_killed_one_trains_its_trials_from_the_start(tmp_path):
    class Killed(BaseException):
        pass

    def kill(progress) -> None:
        if progress.stage == "trial 1 of 1" and progress.done == 3:
            raise Killed

    search = partial(tune, tmp_path, SMALL, toy_data(), grid={"l2": (1e-4,)}, search="grid", trials=1)
    with pytest.raises(Killed):
        search(inputs={"features": "before"}, report=kill)
    assert len(list(tmp_path.glob("trial-*"))) == 1
    found = []
    search(inputs={"features": "after"}, overwrite=True, report=found.append)
    assert [one.done for one in found if one.stage == "trial 1 of 1"] == [1, 2, 3, 4, 5, 6]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["trials.jsonl", "tune.json"]


def test_vectors_that_a_stopped_training_may_have_left_of_two_runs_are_not_used(tmp_path):
    class Killed(BaseException):
        pass

    def kill(_) -> None:
        raise Killed

    trained(tmp_path / "model")
    other = SMALL.changed(training={"learning_rate": 0.01})
    with pytest.raises(Killed):
        trained(tmp_path / "model", configuration=other, overwrite=True, report=kill)
    assert (tmp_path / "model/users.parquet").exists()
    for use in (
        lambda: recommend(tmp_path / "model", "u003", 7),
        lambda: export_vectors(tmp_path / "model", tmp_path),
    ):
        with pytest.raises(InputError, match="not finished"):
            use()
    trained(tmp_path / "model", configuration=other)
    assert len(recommend(tmp_path / "model", "u003", 7)) == 7


def test_what_a_kill_at_the_very_end_leaves_is_cleared(tmp_path):
    trained(tmp_path)
    (tmp_path / "model/.work").mkdir()
    trained(tmp_path)
    assert not (tmp_path / "model/.work").exists()


@pytest.mark.parametrize("name", MODELS)
def test_every_value_of_a_grid_reaches_the_options(name):
    for point in choices(load_recommender(name).grid, "random", 5, seed=1):
        record = small(name).applied(point).record()
        found = record["model"] | record["training"]
        assert {key: found[key] for key in point} == point


def test_spaces_are_read_alone_or_joined(tmp_path):
    ids, features = toy_features()
    half = np.arange(30) % 2 == 0
    spaces = [
        ArraySpace("a_image", "image", features * 3),
        ArraySpace("b_text", "text", features[:, :4], half),
    ]
    made = write_arrays(tmp_path / "features", ids, spaces)
    joined = read_features(made, "a_image+b_text")
    assert joined.shape == (30, 12)
    np.testing.assert_allclose(np.linalg.norm(joined[:, :8], axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(joined[:, 8:], axis=1), half, rtol=1e-5)
    assert (read_features(made, "b_text").any(1) == half).all()
    with pytest.raises(UnknownName, match="a_image, b_text"):
        read_features(made, "unified")
    with pytest.raises(InputError, match="--space"):
        default_space(made)


def test_interactions_on_disk_train_as_those_in_memory(tmp_path):
    frame = toy_interactions().with_columns(timestamp=None, rating=None)
    write_interactions(frame, tmp_path / "interactions.parquet")
    data = assemble(read_split(tmp_path / "interactions.parquet"), *toy_features())
    assert (data.train.keys == toy_data().train.keys).all()
