from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from toy import MODELS, small, toy_data

from featurizer.recsys.losses.cca import cca_loss
from featurizer.recsys.models.alignrec import AlignRec
from featurizer.recsys.models.freedom import drawn_pairs, thinned_adjacency
from featurizer.recsys.sampler import Sampler, Triples
from featurizer.recsys.user_item_graph import adjacency, spread_to_users


def one_batch(data, size: int = 40):
    return next(Sampler.of(data.train).epoch(size, np.random.default_rng(0)))


@pytest.mark.parametrize("exact", [True, False])
def test_alignrec_embeddings_equal_the_equations_in_dense_matrices(exact):
    data = toy_data()
    model = small(options={"trainable_features": exact}).build(data)
    assert isinstance(model, AlignRec)
    p = {name: value.detach() for name, value in model.weights.named_parameters()}
    assert ("features" in p) == exact
    a = adjacency(data.train).dot(torch.eye(70))
    s = model.item_graph(torch.eye(30))
    r = spread_to_users(data.train).dot(torch.eye(30))[:40]
    ids = (p["ids"] + a @ p["ids"] + a @ a @ p["ids"]) / 3
    m = torch.from_numpy(data.features) @ p["project.weight"] + p["project.bias"]
    gated = p["ids"][40:] * torch.sigmoid(m @ p["gate.weight"] + p["gate.bias"])
    content = torch.cat([r @ s @ gated, s @ gated])
    found = model.embeddings()
    torch.testing.assert_close(torch.cat([found.users, found.items]), ids + content, atol=1e-5, rtol=1e-4)


AUTHORS = {"trainable_features": True, "repeats": True}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("alignrec", {"alpha": 0.1} | AUTHORS),
        ("alignrec", {"alpha": 0.1}),
        *((name, {}) for name in MODELS[1:]),
    ],
)
def test_the_gradient_of_the_whole_loss_equals_the_finite_difference(name, options):
    data = toy_data()
    model = small(name, options).build(data)
    batch = one_batch(data)

    def total() -> torch.Tensor:
        return torch.stack(list(model.losses(batch).values())).double().sum()

    total().backward()
    for seed, (key, parameter) in enumerate(model.weights.named_parameters()):
        generator = torch.Generator().manual_seed(seed)
        direction = torch.randn(parameter.shape, generator=generator)
        along = float((parameter.grad * direction).sum()) if parameter.grad is not None else 0.0
        with torch.no_grad():
            step = 1e-2 / direction.norm()
            parameter += step * direction
            up = float(total())
            parameter -= 2 * step * direction
            down = float(total())
            parameter += step * direction
        assert (up - down) / (2 * float(step)) == pytest.approx(along, rel=0.02, abs=2e-4), key


def test_in_the_authors_form_the_loss_parts_equal_the_formulas_on_the_batch_as_it_stands():
    data = toy_data()
    model = small(options={"alpha": 0.01, "reg": 0.1} | AUTHORS, training={"batch_size": 2048}).build(data)
    batch = one_batch(data)
    parts = {name: float(part.detach()) for name, part in model.losses(batch).items()}
    ids, content = (tower.detach() for tower in model.towers())
    u, i, j = batch.users, batch.positives + 40, batch.negatives + 40
    h, b = ids + content, len(batch.users)
    assert parts["bpr"] == pytest.approx(
        float(-torch.log(torch.sigmoid((h[u] * h[i]).sum(1) - (h[u] * h[j]).sum(1))).mean()), rel=1e-5
    )
    squares = sum(h[rows].square().sum() for rows in (u, i, j))
    assert parts["l2"] == pytest.approx(1e-4 * 0.5 * float(squares) / 2048, rel=1e-5)
    cosines = torch.nn.functional.cosine_similarity(h[u], h[i])
    assert parts["uia"] == pytest.approx(0.1 * float((1 - cosines).mean()), rel=1e-5)

    def infonce(rows: torch.Tensor) -> torch.Tensor:
        m, e = (torch.nn.functional.normalize(tower[rows], dim=1) for tower in (content, ids))
        return torch.nn.functional.cross_entropy(m @ e.T / 0.2, torch.arange(b))

    assert parts["cca"] == pytest.approx(0.01 * float(infonce(i) + infonce(u)), rel=1e-5)
    units = torch.nn.functional.normalize(torch.from_numpy(data.features), dim=1)[batch.positives]
    difference = content[i] @ content[i].T - units @ units.T
    assert parts["reg"] == pytest.approx(0.1 * float(difference.norm()) / b, rel=1e-4)


def test_by_default_an_item_counts_once_in_a_batch_and_one_without_features_not_at_all():
    data = toy_data()
    known = data.known.copy()
    known[:5] = False
    data = dataclasses.replace(data, known=known, features=np.where(known[:, None], data.features, 0))
    model = small(options={"alpha": 1.0, "reg": 1.0}).build(data)
    batch = one_batch(data, 100)
    parts = {name: float(part.detach()) for name, part in model.losses(batch).items()}
    ids, content = (tower.detach() for tower in model.towers())
    items = [item for item in set(batch.positives.tolist()) if item >= 5]
    users = [user for user in set(batch.users.tolist()) if content[user].any()]
    total = 0.0
    for rows in (torch.tensor(items) + 40, torch.tensor(users)):
        m, e = (torch.nn.functional.normalize(tower[rows], dim=1) for tower in (content, ids))
        total += float(torch.nn.functional.cross_entropy(m @ e.T / 0.2, torch.arange(len(rows))))
    assert parts["cca"] == pytest.approx(total, rel=1e-5)
    h, units = (
        content[torch.tensor(items) + 40],
        torch.nn.functional.normalize(torch.from_numpy(data.features), dim=1),
    )
    target = units[items] @ units[items].T
    assert parts["reg"] == pytest.approx(float((h @ h.T - target).norm()) / len(items), rel=1e-4)


def test_items_without_features_score_by_their_ids_alone():
    data = toy_data()
    known = data.known.copy()
    known[7] = False
    data = dataclasses.replace(data, known=known, features=np.where(known[:, None], data.features, 0))
    for graph in (True, False):
        model = small(options={"item_graph": graph}).build(data)
        ids, content = model.towers()
        assert not content[40 + 7].any()
        assert torch.isfinite(content).all()
        assert torch.equal(model.embeddings().items[7], ids[40 + 7].detach())


@pytest.mark.parametrize("name", ["vbpr", "freedom"])
def test_in_the_baselines_an_item_without_features_gives_its_projection_no_gradient(name):
    data = toy_data()
    known = np.zeros_like(data.known)
    known[0] = True
    data = dataclasses.replace(data, known=known, features=np.where(known[:, None], data.features, 0))
    model = small(name).build(data)
    batch = one_batch(data)
    kept = (batch.positives != 0) & (batch.negatives != 0)
    losses = model.losses(Triples(batch.users[kept], batch.positives[kept], batch.negatives[kept]))
    torch.stack(list(losses.values())).sum().backward()
    assert not model.weights.get_parameter("project.bias").grad.any()
    assert model.weights.get_parameter("items" if name == "vbpr" else "ids").grad.any()


def test_lightgcn_is_the_mean_of_its_layers_and_bpr_has_none():
    data = toy_data()
    lightgcn = small("lightgcn").build(data)
    bpr = small("bpr").build(data)
    ids = lightgcn.weights.get_parameter("ids").detach()
    a = adjacency(data.train).dot(torch.eye(70))
    found = torch.cat([lightgcn.embeddings().users, lightgcn.embeddings().items])
    torch.testing.assert_close(found, (ids + a @ ids + a @ a @ ids) / 3, atol=1e-6, rtol=1e-5)
    assert torch.equal(torch.cat([bpr.embeddings().users, bpr.embeddings().items]), ids)


def test_freedom_keeps_the_share_and_renormalizes_what_is_left():
    train = toy_data().train
    kept = drawn_pairs(train, 0.5, np.random.default_rng(0))
    assert len(kept) == len(np.unique(kept)) == len(train.items) // 2
    matrix = thinned_adjacency(train, kept).dot(torch.eye(70))
    torch.testing.assert_close(matrix, matrix.T)
    degrees = (matrix > 0).sum(1).float()
    for row, column in zip(*np.nonzero(matrix.numpy()), strict=True):
        assert float(matrix[row, column]) == pytest.approx(
            float((degrees[row] * degrees[column]) ** -0.5), rel=1e-5
        )


def test_freedom_keeps_rare_pairs_more_often_in_proportion_to_their_weight():
    train = toy_data().train
    weights = (train.counts[train.users] * train.popularity()[train.items]) ** -0.5
    counts = np.zeros(len(weights))
    for seed in range(3000):
        counts[drawn_pairs(train, 1 / len(weights), np.random.default_rng(seed))] += 1
    assert counts.sum() == 3000
    assert np.corrcoef(counts, weights)[0, 1] > 0.5


@pytest.mark.parametrize("moving", [True, False])
def test_the_target_of_reg_moves_with_trainable_features_only_when_asked(moving):
    data = toy_data()
    options = {"trainable_features": True, "moving_target": moving, "reg": 1.0}
    model = small(options=options).build(data)
    batch = one_batch(data)
    with torch.no_grad():
        model.weights.get_parameter("features").copy_(torch.randn(30, 8))
    items = torch.unique(batch.positives)
    features = model.weights.get_parameter("features").detach() if moving else torch.from_numpy(data.features)
    units = torch.nn.functional.normalize(features, dim=1)[items]
    h = model.towers()[1].detach()[items + 40]
    assert float(model.losses(batch)["reg"].detach()) == pytest.approx(
        float((h @ h.T - units @ units.T).norm()) / len(items), rel=1e-4
    )


def test_groups_of_a_contrast_average_the_loss_of_each_group():
    data = toy_data()
    model = small(options={"alpha": 1.0, "contrast": 8}).build(data)
    m, e = torch.randn(20, 8), torch.randn(20, 8)
    written = sum(
        float(cca_loss(a, b, 0.2)) * len(a)
        for a, b in zip(m.split([7, 7, 6]), e.split([7, 7, 6]), strict=True)
    )
    assert float(model._contrast(torch.arange(20), m, e, None)) == pytest.approx(written / 20, rel=1e-6)


def test_half_precision_features_change_the_vectors_only_by_rounding():
    data = toy_data()
    vectors = [small(options={"half": half}).build(data).embeddings().items for half in (True, False)]
    torch.testing.assert_close(*vectors, atol=5e-3, rtol=2e-2)
