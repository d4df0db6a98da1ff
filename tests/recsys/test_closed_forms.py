"""ItemKNN, EASE and ridge equal their formulas in dense matrices, and go through train as a model that learns."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from scipy import sparse
from toy import CLOSED_FORMS, toy_data, toy_features, toy_interactions

from featurizer.errors import InputError
from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.operations.train import Train
from featurizer.ranking.rank import dot_products, vectors_from
from featurizer.recsys.compare import compare
from featurizer.recsys.configuration import configuration
from featurizer.recsys.fit import fit
from featurizer.recsys.models.ease import refuse_too_many
from featurizer.recsys.models.itemknn import ITEMKNN, ItemKnn
from featurizer.recsys.recommend import recommend
from featurizer.recsys.registry import load_recommender
from featurizer.recsys.train import train
from featurizer.recsys.tune import tune
from featurizer.recsys.vectors import export_vectors, read_vectors
from featurizer.testing import ClosedFormContract


class TestItemKnn(ClosedFormContract):
    def make_recommender(self):
        return load_recommender("itemknn")


class TestContentKnn(ClosedFormContract):
    def make_recommender(self):
        return load_recommender("itemknn-content")


class TestJointKnn(ClosedFormContract):
    def make_recommender(self):
        return load_recommender("itemknn-joint")


class TestEase(ClosedFormContract):
    def make_recommender(self):
        return load_recommender("ease")


class TestRidge(ClosedFormContract):
    def make_recommender(self):
        return load_recommender("ridge")


def with_gaps(data):
    """Without the train pairs of items 1 and 2 and the features of items 2 and 5: item 1 is cold, 2 has nothing."""
    known = ~np.isin(np.arange(data.n_items), (2, 5))
    train = data.train.only(~np.isin(data.train.items, (1, 2)))
    return dataclasses.replace(data, train=train, known=known, features=data.features * known[:, None])


def interactions(data):
    x = np.zeros((data.n_users, data.n_items))
    x[data.train.users, data.train.items] = 1
    return x


def scores_of(data, name, options):
    model = configuration(load_recommender(name)).changed(options).build(data)
    made = model.solve()
    return dot_products(made.users, made.items)(np.arange(data.n_users)).numpy()


def knn_scores(data, k, h, c):
    x, n = interactions(data), data.n_items
    similar = np.zeros((n, n))
    for j in range(n):
        for i in range(n):
            bottom = np.sqrt(x[:, j].sum()) * np.sqrt(x[:, i].sum()) + h
            similar[j, i] = (1 - c) * (x[:, j] @ x[:, i]) / bottom if bottom else 0
            f, g = data.features[j].astype(float), data.features[i].astype(float)
            if f.any() and g.any():
                similar[j, i] += c * (f @ g) / np.linalg.norm(f) / np.linalg.norm(g)
    np.fill_diagonal(similar, 0)
    for j in range(n):
        order = np.argsort(-similar[j].round(9), kind="stable")
        similar[j, order[k:]] = 0
    return x @ np.maximum(similar, 0)


@pytest.mark.parametrize(
    ("name", "options", "k", "h", "c"),
    [
        ("itemknn", {"nearest": 4, "shrinkage": 0}, 4, 0, 0),
        ("itemknn", {"nearest": 7, "shrinkage": 2.5}, 7, 2.5, 0),
        ("itemknn", {"nearest": 1000, "shrinkage": 1}, 1000, 1, 0),
        ("itemknn-content", {"nearest": 5}, 5, 0, 1),
        ("itemknn-joint", {"nearest": 6, "shrinkage": 1, "content_share": 0.3}, 6, 1, 0.3),
    ],
)
def test_itemknn_equals_the_sum_over_nearest_items_written_out(name, options, k, h, c):
    data = with_gaps(toy_data())
    np.testing.assert_allclose(scores_of(data, name, options), knn_scores(data, k, h, c), atol=1e-6)


def test_itemknn_of_many_blocks_is_that_of_one(monkeypatch):
    data = with_gaps(toy_data())
    model = ItemKnn(data, 5, 1.0, 0.5, "cpu")
    whole = model.solve().items.toarray()
    monkeypatch.setattr("featurizer.recsys.models.itemknn.BLOCK", 7 * data.n_items)
    assert (model.solve().items.toarray() == whole).all()


@pytest.mark.parametrize("ridge", [0.5, 20])
def test_ease_equals_the_closed_form_in_dense_matrices(ridge):
    data = with_gaps(toy_data())
    x = interactions(data)
    p = np.linalg.inv(x.T @ x + ridge * np.eye(data.n_items))
    b = np.eye(data.n_items) - p @ np.diag(1 / np.diag(p))
    np.testing.assert_allclose(scores_of(data, "ease", {"ridge": ridge}), x @ b, atol=1e-6)


def test_the_weights_of_ease_are_the_least_squares_without_an_items_own():
    data, ridge = toy_data(), 3.0
    x = interactions(data)
    weights = configuration(load_recommender("ease")).changed({"ridge": ridge}).build(data).solve().items
    for item in range(3):
        others = np.arange(data.n_items) != item
        rest = x[:, others]
        best = np.linalg.solve(rest.T @ rest + ridge * np.eye(others.sum()), rest.T @ x[:, item])
        np.testing.assert_allclose(weights[item][others], best, atol=1e-6)
        assert weights[item, item] == 0


def test_ridge_equals_the_normal_equations_in_dense_matrices():
    data = with_gaps(toy_data())
    x, lengths = interactions(data), np.linalg.norm(data.features, axis=1, keepdims=True)
    units = data.features / np.where(lengths > 0, lengths, 1)
    f = units[x.any(0)]
    w = np.linalg.inv(f.T @ f + 0.7 * np.eye(f.shape[1])) @ f.T @ x.T[x.any(0)]
    np.testing.assert_allclose(scores_of(data, "ridge", {"ridge": 0.7}), (units @ w).T, atol=1e-6)


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_cold_items_score_by_content_where_the_model_has_any(name):
    scores = scores_of(with_gaps(toy_data()), name, {})
    # item 1 has features and no train pair, item 2 neither
    assert scores[:, 1].any() == (name in {"itemknn-content", "itemknn-joint", "ridge"})
    assert not scores[:, 2].any()


def test_ease_refuses_items_whose_matrix_takes_more_memory_than_there_is():
    refuse_too_many(7050, None)
    refuse_too_many(7050, 24 * 7050**2)
    with pytest.raises(
        InputError, match=r"50,000 × 50,000 items, which takes 55\.9 GiB, .* 16\.0 GiB .* itemknn"
    ):
        refuse_too_many(50_000, 16 * 2**30)


@pytest.fixture
def catalog(tmp_path):
    ids, vectors = toy_features()
    write_arrays(tmp_path / "features", ids, [ArraySpace("toy_text", "text", vectors)])
    toy_interactions().write_csv(tmp_path / "pairs.csv")
    return tmp_path


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_what_is_trained_recommends_and_compares_by_the_models_scores(catalog, name):
    data, chosen = toy_data(), configuration(load_recommender(name))
    summary = train(catalog / "model", chosen, data, inputs={})
    fitted = fit(chosen.build(data), data, chosen.training)
    assert (summary.best_epoch, summary.valid, summary.test) == (1, fitted.valid, fitted.test)
    scores = scores_of(data, name, {})
    seen = interactions(data)[3] > 0
    best = recommend(catalog / "model", data.user_ids[3], 5)
    assert [one.score for one in best] == pytest.approx(np.sort(scores[3][~seen])[::-1][:5], abs=1e-6)
    rows = compare({"one": [catalog / "model"], "twice": [catalog / "model"] * 2}, catalog / "pairs.csv")
    assert [row.value.mean for row in rows] == pytest.approx([summary.test["recall@20"]] * 2)
    lines = (catalog / "model/model/metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["valid_recall@20"] for line in lines] == [fitted.valid["recall@20"]]
    again = train(catalog / "model", chosen, data, inputs={})
    assert again == summary


def test_sparse_vectors_come_back_from_their_file_as_they_were(catalog):
    data = toy_data()
    train(catalog / "model", configuration(ITEMKNN), data, inputs={})
    ids, users = read_vectors(catalog / "model/users.parquet", "user_id")
    assert tuple(ids) == data.user_ids
    assert sparse.issparse(users)
    assert (users.toarray() == interactions(data)).all()
    with pytest.raises(InputError, match="sparse vectors of 30 numbers, one an item"):
        export_vectors(catalog / "model", catalog / "export")
    assert not (catalog / "export").exists()


def test_a_product_with_one_sparse_side_is_that_of_dense_matrices():
    generator = np.random.default_rng(0)
    users = (generator.random((5, 9)) * (generator.random((5, 9)) > 0.6)).astype(np.float32)
    items = generator.random((7, 9)).astype(np.float32)
    block = np.array([3, 0])
    for left, right in ((sparse.csr_array(users), items), (users, sparse.csr_array(items))):
        found = dot_products(vectors_from(left), vectors_from(right))(block)
        torch.testing.assert_close(found, torch.from_numpy((users @ items.T)[block]))


def test_a_grid_search_takes_the_closed_form_with_the_best_validation(tmp_path):
    trials = tune(
        tmp_path, configuration(load_recommender("ease")), toy_data(),
        grid={"ridge": (1.0, 1e6)}, search="grid", trials=1, inputs={},
    )  # fmt: skip
    assert {trial.values["ridge"] for trial in trials} == {1.0, 1e6}
    assert trials[0].valid >= trials[1].valid


@pytest.mark.parametrize(
    ("asked", "told"),
    [({"epochs": 3}, "--epochs"), ({"learning_rate": 0.1}, "--learning-rate"), ({"seeds": 2}, "--seeds")],
)
def test_train_refuses_a_closed_form_what_says_how_to_learn(asked, told):
    training = {name: value for name, value in asked.items() if name != "seeds"}
    with pytest.raises(InputError, match=f"ease is solved at once, .* no use for {told}; leave it out"):
        Train(
            features="f",
            interactions="i.csv",
            out="m",
            model="ease",
            training=training,
            seeds=asked.get("seeds", 1),
        )
