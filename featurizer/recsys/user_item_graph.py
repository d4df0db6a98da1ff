"""The user-item graph and LightGCN's propagation over it."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse

from featurizer.interactions.user_items import UserItems
from featurizer.recsys.csr import Csr, apply_linear


def normalized_block(train: UserItems) -> sparse.csr_array:
    """Return R~ (u, n): 1 / sqrt(items of the user · users of the item) for each train pair."""
    users = np.maximum(train.counts, 1) ** -0.5
    items = np.maximum(train.popularity(), 1) ** -0.5
    weights = (users[train.users] * items[train.items]).astype(np.float32)
    shape = (train.n_users, train.n_items)
    return sparse.csr_array((weights, train.items, train.starts.astype(np.int32)), shape=shape)


def adjacency(train: UserItems) -> Csr:
    """Return the normalized adjacency of users and items, [[0, R~], [R~ᵀ, 0]] (u + n, u + n)."""
    return joined(normalized_block(train))


def joined(block: sparse.csr_array) -> Csr:
    """Return [[0, B], [Bᵀ, 0]] of a (u, n) block."""
    return Csr.from_scipy(sparse.block_array([[None, block], [block.T, None]], format="csr"))


def spread_to_users(train: UserItems) -> Csr:
    """Return [R~; I] (u + n, n): an item's vector to itself and, normalized and summed, to its users."""
    identity = sparse.eye_array(train.n_items, dtype=np.float32, format="csr")
    return Csr.from_scipy(sparse.vstack([normalized_block(train), identity], format="csr"))


def propagate(ids: torch.Tensor, graph: Csr, layers: int) -> torch.Tensor:
    """Return LightGCN's (u + n, d) output: the mean of E, ÂE, …, Â^L E. No gradient flows; see `propagate_to`."""
    return ids if layers == 0 else _sum_of_layers(ids, graph, layers).div_(layers + 1)


def propagate_to(rows: torch.Tensor, ids: torch.Tensor, graph: Csr, layers: int) -> torch.Tensor:
    """Return the (r,) `rows` of LightGCN's output, (r, d), computing of the last layer no others.

    Â is symmetric, so the gradient goes the same way back: from the rows to their neighbors, then through all
    layers but one.
    """
    if layers == 0:
        return ids.index_select(0, rows)
    last = graph.rows(rows)

    def forward(ids: torch.Tensor) -> torch.Tensor:
        total = last.dot(_sum_of_layers(ids, graph, layers - 1)).add_(ids.index_select(0, rows))
        return total.div_(layers + 1)

    def backward(gradient: torch.Tensor) -> torch.Tensor:
        share = gradient / (layers + 1)
        return _sum_of_layers(last.transposed().dot(share), graph, layers - 1).index_add_(0, rows, share)

    return apply_linear(ids, forward, backward)


def _sum_of_layers(ids: torch.Tensor, graph: Csr, layers: int) -> torch.Tensor:
    # Horner's scheme, E + Â(E + Â(E + …)): one running sum, no list of layers
    total = ids
    for _ in range(layers):
        total = graph.dot(total).add_(ids)
    return total
