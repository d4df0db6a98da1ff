from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from featurizer.interactions.user_items import UserItems
from featurizer.recsys import item_graph
from featurizer.recsys.csr import Csr, Operator
from featurizer.recsys.item_graph import nearest_items, normalized_neighbors
from featurizer.recsys.user_item_graph import adjacency, propagate, spread_to_users


def random_train(seed: int = 0, users: int = 12, items: int = 9) -> UserItems:
    pairs = np.random.default_rng(seed).random((users, items)) < 0.3
    return UserItems.from_pairs(*np.nonzero(pairs), n_users=users, n_items=items)


def dense(matrix: Csr) -> torch.Tensor:
    return matrix.dot(torch.eye(matrix.width))


def dense_adjacency(train: UserItems) -> torch.Tensor:
    size = train.n_users + train.n_items
    matrix = np.zeros((size, size))
    for user, item in zip(train.users, train.items, strict=True):
        matrix[user, train.n_users + item] = matrix[train.n_users + item, user] = 1
    degrees = matrix.sum(1)
    scale = np.where(degrees > 0, np.maximum(degrees, 1) ** -0.5, 0)
    return torch.from_numpy(scale[:, None] * matrix * scale[None])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 9), st.integers(1, 9))
def test_a_sparse_product_and_its_gradient_equal_the_dense_ones(seed, height, width):
    generator = np.random.default_rng(seed)
    matrix = (generator.random((height, width)) < 0.4) * generator.standard_normal((height, width))
    operator = Operator.from_scipy(sparse.csr_array(matrix))
    vectors = torch.from_numpy(generator.standard_normal((width, 5))).float().requires_grad_()
    product = operator(vectors)
    expected = torch.from_numpy(matrix).float()
    torch.testing.assert_close(product, expected @ vectors.detach(), atol=1e-5, rtol=1e-5)
    upstream = torch.randn(height, 5)
    product.backward(upstream)
    torch.testing.assert_close(vectors.grad, expected.T @ upstream, atol=1e-5, rtol=1e-5)


def test_indices_are_int32():
    graph = adjacency(random_train())
    assert graph.starts.dtype == graph.columns.dtype == torch.int32


def test_the_adjacency_is_the_symmetrically_normalized_one():
    train = random_train()
    torch.testing.assert_close(dense(adjacency(train)).double(), dense_adjacency(train), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("layers", [0, 1, 2, 3])
def test_propagation_equals_the_dense_mean_of_layers(layers):
    train = random_train()
    ids = torch.randn(21, 6).requires_grad_()
    matrix = dense_adjacency(train).float()
    mean = sum(torch.linalg.matrix_power(matrix, layer) for layer in range(layers + 1)) / (layers + 1)
    output = propagate(ids, adjacency(train), layers)
    torch.testing.assert_close(output, mean @ ids.detach(), atol=1e-5, rtol=1e-5)
    upstream = torch.randn(21, 6)
    output.backward(upstream)
    torch.testing.assert_close(ids.grad, mean.T @ upstream, atol=1e-5, rtol=1e-5)


def test_spreading_to_users_stacks_the_block_and_the_identity():
    train = random_train()
    expected = torch.cat([dense_adjacency(train)[:12, 12:].float(), torch.eye(9)])
    torch.testing.assert_close(dense(spread_to_users(train).forward), expected, atol=1e-6, rtol=1e-6)


def test_neighbors_in_blocks_equal_a_full_sort_and_count_the_item_itself():
    features = torch.randn(50, 7, generator=torch.Generator().manual_seed(0))
    units = torch.nn.functional.normalize(features, dim=1)
    cosines = units @ units.T
    expected = cosines.sort(dim=1, descending=True, stable=True)
    for block in (7, 50, 1000):
        indices, values = nearest_items(features, 10, block=block)
        kept = expected.values[:, :10] > 0
        assert (indices[:, 0] == torch.arange(50)).all()
        assert (indices == expected.indices[:, :10].masked_fill(~kept, -1)).all()
        torch.testing.assert_close(values, expected.values[:, :10].clamp(min=0), atol=1e-5, rtol=1e-5)


def test_a_zero_row_has_no_neighbors_is_nobodys_and_makes_no_nan():
    features = torch.randn(20, 4).abs()
    features[[3, 11]] = 0
    indices, cosines = nearest_items(features, 20)
    assert (indices[[3, 11]] == -1).all()
    assert not torch.isin(indices, torch.tensor([3, 11])).any()
    matrix = dense(normalized_neighbors(indices, cosines).forward)
    assert torch.isfinite(matrix).all()
    assert not matrix[[3, 11]].any()


@pytest.mark.parametrize("binary", [False, True])
def test_the_item_graph_is_normalized_by_row_sums_on_both_sides(binary):
    features = torch.rand(15, 4)
    indices, cosines = nearest_items(features, 5)
    weights = torch.zeros(15, 15, dtype=torch.float64)
    for row in range(15):
        for column, cosine in zip(indices[row], cosines[row], strict=True):
            weights[row, column] = 1.0 if binary else float(cosine)
    degrees = weights.sum(1)
    expected = degrees[:, None] ** -0.5 * weights * degrees[None] ** -0.5
    found = dense(normalized_neighbors(indices, cosines, binary=binary).forward)
    torch.testing.assert_close(found.double(), expected, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("width", [2, 3, 16, 200])
def test_no_product_in_half_precision_is_further_off_than_its_bound(width):
    features = torch.rand(400, width, generator=torch.Generator().manual_seed(0)) + 0.2
    units = torch.nn.functional.normalize(features, dim=1)
    rough = (units.bfloat16() @ units.bfloat16().T).double()
    assert (rough - units.double() @ units.double().T).abs().max() <= item_graph.HALF_ERROR


def test_more_neighbors_than_half_precision_can_propose_are_all_found(monkeypatch):
    monkeypatch.setattr(item_graph, "HALVES_FROM", 30)
    monkeypatch.setattr(item_graph, "halves_pay", lambda device: True)
    features = torch.rand(40, 5, generator=torch.Generator().manual_seed(0))
    indices, _ = nearest_items(features, 20)
    expected = torch.nn.functional.normalize(features, dim=1)
    expected = (expected @ expected.T).sort(dim=1, descending=True, stable=True).indices[:, :20]
    assert (indices.sort(1).values == expected.sort(1).values).all()


@pytest.mark.parametrize("spread", [1.0, 0.01])
def test_neighbors_proposed_in_half_precision_are_those_of_single_precision(spread, monkeypatch):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(1, 16, generator=generator) + spread * torch.randn(600, 16, generator=generator)
    features[5] = 0
    features[9] = features[8]
    found = {}
    monkeypatch.setattr(item_graph, "HALVES_FROM", 600)
    for halves in (True, False):
        monkeypatch.setattr(item_graph, "halves_pay", lambda device, halves=halves: halves)
        found[halves] = nearest_items(features, 10, block=100)
    torch.testing.assert_close(found[True][1], found[False][1], atol=1e-6, rtol=1e-6)
    assert (found[True][0] == found[False][0]).float().mean() > 0.99
    assert (found[True][0][5] == -1).all()
