from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from featurizer.interactions.user_items import UserItems
from featurizer.ranking.nearest import nearest
from featurizer.recsys.csr import Csr, linear_map, product
from featurizer.recsys.item_graph import neighbor_graph, normalized_neighbors
from featurizer.recsys.user_item_graph import adjacency, propagate, propagate_to, spread_to_users

CLOSE = {"atol": 1e-9, "rtol": 1e-9}


def random_train(seed: int = 0, users: int = 12, items: int = 9) -> UserItems:
    pairs = np.random.default_rng(seed).random((users, items)) < 0.3
    return UserItems.from_pairs(*np.nonzero(pairs), n_users=users, n_items=items)


def dense(matrix: Csr) -> torch.Tensor:
    return matrix.dot(torch.eye(matrix.width, dtype=matrix.weights.dtype))


def in_double(matrix: Csr) -> Csr:
    """The same matrix with float64 weights, to be compared to the last digits."""
    return replace(matrix, weights=matrix.weights.double())


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
    output = linear_map(Csr.from_scipy(sparse.csr_array(matrix)))(vectors)
    expected = torch.from_numpy(matrix).float()
    torch.testing.assert_close(output, expected @ vectors.detach(), atol=1e-5, rtol=1e-5)
    upstream = torch.randn(height, 5)
    output.backward(upstream)
    torch.testing.assert_close(vectors.grad, expected.T @ upstream, atol=1e-5, rtol=1e-5)


def test_indices_are_int32():
    graph = adjacency(random_train())
    assert graph.starts.dtype == graph.columns.dtype == torch.int32


def test_the_adjacency_is_the_symmetrically_normalized_one():
    train = random_train()
    torch.testing.assert_close(dense(adjacency(train)).double(), dense_adjacency(train), atol=1e-6, rtol=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 9), st.integers(1, 9))
def test_some_rows_of_a_matrix_and_their_gradient_equal_the_dense_ones(seed, height, width):
    generator = np.random.default_rng(seed)
    matrix = (generator.random((height, width)) < 0.4) * generator.standard_normal((height, width))
    rows = torch.from_numpy(generator.integers(0, height, 4))
    vectors = torch.from_numpy(generator.standard_normal((width, 5))).requires_grad_()
    some = in_double(Csr.from_scipy(sparse.csr_array(matrix))).rows(rows)
    expected = torch.from_numpy(matrix.astype(np.float32)).double()[rows]
    torch.testing.assert_close(dense(some), expected)
    torch.testing.assert_close(dense(some.transposed()), expected.T)
    output = product(some, vectors)
    torch.testing.assert_close(output, expected @ vectors.detach(), **CLOSE)
    upstream = torch.randn(4, 5, dtype=torch.float64)
    output.backward(upstream)
    torch.testing.assert_close(vectors.grad, expected.T @ upstream, **CLOSE)


def mean_of_layers(train: UserItems, layers: int) -> torch.Tensor:
    matrix = dense(adjacency(train)).double()
    return sum(torch.linalg.matrix_power(matrix, layer) for layer in range(layers + 1)) / (layers + 1)


@pytest.mark.parametrize("layers", [0, 1, 2, 3])
def test_propagation_equals_the_dense_mean_of_layers(layers):
    train = random_train()
    ids = torch.randn(21, 6, dtype=torch.float64)
    output = propagate(ids, in_double(adjacency(train)), layers)
    torch.testing.assert_close(output, mean_of_layers(train, layers) @ ids, **CLOSE)


@pytest.mark.parametrize("layers", [0, 1, 2, 3])
@pytest.mark.parametrize("rows", [[], [20], [3, 0, 15, 3], list(range(21))])
def test_propagation_to_some_rows_and_its_gradient_equal_those_rows_of_the_dense_mean(layers, rows):
    train, chosen = random_train(), torch.tensor(rows, dtype=torch.int64)
    ids = torch.randn(21, 6, dtype=torch.float64, requires_grad=True)
    mean = mean_of_layers(train, layers)[chosen]
    output = propagate_to(chosen, ids, in_double(adjacency(train)), layers)
    torch.testing.assert_close(output, mean @ ids.detach(), **CLOSE)
    upstream = torch.randn(len(rows), 6, dtype=torch.float64)
    output.backward(upstream)
    torch.testing.assert_close(ids.grad, mean.T @ upstream, **CLOSE)


def test_spreading_to_users_stacks_the_block_and_the_identity():
    train = random_train()
    expected = torch.cat([dense_adjacency(train)[:12, 12:].float(), torch.eye(9)])
    torch.testing.assert_close(dense(spread_to_users(train)), expected, atol=1e-6, rtol=1e-6)


def test_an_item_is_joined_to_its_nearest_itself_included_where_the_cosine_is_positive():
    features = torch.randn(50, 7, generator=torch.Generator().manual_seed(0))
    units = torch.nn.functional.normalize(features, dim=1)
    expected = (units @ units.T).sort(dim=1, descending=True, stable=True)
    matrix = dense(neighbor_graph(features, 40, binary=True))
    for row in range(50):
        near = expected.indices[row, :40][expected.values[row, :40] > 0]
        assert set(matrix[row].nonzero().flatten().tolist()) == set(near.tolist())
        assert 1 < len(near) < 40


def test_a_zero_row_is_joined_to_nothing_and_makes_no_nan():
    features = torch.randn(20, 4).abs()
    features[[3, 11]] = 0
    matrix = dense(neighbor_graph(features, 20))
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
