from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from featurizer.interactions.user_items import UserItems
from featurizer.ranking.nearest import nearest
from featurizer.recsys.csr import Csr, linear_map
from featurizer.recsys.item_graph import neighbor_graph, normalized_neighbors
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
    vectors = torch.from_numpy(generator.standard_normal((width, 5))).float().requires_grad_()
    product = linear_map(sparse.csr_array(matrix))(vectors)
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
    torch.testing.assert_close(spread_to_users(train)(torch.eye(9)), expected, atol=1e-6, rtol=1e-6)


def test_an_item_is_joined_to_its_nearest_itself_included_where_the_cosine_is_positive():
    features = torch.randn(50, 7, generator=torch.Generator().manual_seed(0))
    units = torch.nn.functional.normalize(features, dim=1)
    expected = (units @ units.T).sort(dim=1, descending=True, stable=True)
    matrix = neighbor_graph(features, 40, binary=True)(torch.eye(50))
    for row in range(50):
        near = expected.indices[row, :40][expected.values[row, :40] > 0]
        assert set(matrix[row].nonzero().flatten().tolist()) == set(near.tolist())
        assert 1 < len(near) < 40


def test_a_zero_row_is_joined_to_nothing_and_makes_no_nan():
    features = torch.randn(20, 4).abs()
    features[[3, 11]] = 0
    matrix = neighbor_graph(features, 20)(torch.eye(20))
    assert torch.isfinite(matrix).all()
    assert not matrix[[3, 11]].any()
    assert not matrix[:, [3, 11]].any()


@pytest.mark.parametrize("binary", [False, True])
def test_the_item_graph_is_normalized_by_row_sums_on_both_sides(binary):
    features = torch.rand(15, 4)
    near = nearest(features.numpy(), 5, itself=True)
    weights = torch.zeros(15, 15, dtype=torch.float64)
    for row in range(15):
        for column, cosine in zip(near.items[row], near.cosines[row], strict=True):
            weights[row, column] = 1.0 if binary else float(cosine)
    degrees = weights.sum(1)
    expected = degrees[:, None] ** -0.5 * weights * degrees[None] ** -0.5
    found = torch.from_numpy(normalized_neighbors(near, binary=binary).toarray())
    torch.testing.assert_close(found.double(), expected, atol=1e-6, rtol=1e-6)
