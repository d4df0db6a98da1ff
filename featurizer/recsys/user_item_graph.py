"""The user-item graph and LightGCN's propagation over it."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from scipy import sparse

from featurizer.interactions.user_items import UserItems
from featurizer.recsys.csr import Csr, LinearMap, apply_linear, linear_map


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


def spread_to_users(train: UserItems, device: torch.device | str = "cpu") -> LinearMap:
    """Return [R~; I] (u + n, n): an item's vector to itself and, normalized and summed, to its users."""
    identity = sparse.eye_array(train.n_items, dtype=np.float32, format="csr")
    return linear_map(sparse.vstack([normalized_block(train), identity], format="csr"), device)


def propagate(ids: torch.Tensor, graph: Csr, layers: int) -> torch.Tensor:
    """Return LightGCN's (u + n, d) output: the mean of E, ÂE, …, Â^L E.

    Â is symmetric, so the gradient is the same mean over the incoming gradient.
    """
    if layers == 0:
        return ids
    mean = partial(_mean_of_layers, graph=graph, layers=layers)
    return apply_linear(ids, mean, mean)


def _mean_of_layers(ids: torch.Tensor, graph: Csr, layers: int) -> torch.Tensor:
    # Horner's scheme, (E + Â(E + Â(E + …))) / (L + 1): one running sum, no list of layers
    total = ids
    for _ in range(layers):
        total = graph.dot(total).add_(ids)
    return total.div_(layers + 1)
