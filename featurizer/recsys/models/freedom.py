"""FREEDOM: a frozen item graph, and a user-item graph thinned anew each epoch (Zhou and Shen, 2023)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from scipy import sparse

from featurizer.interactions.user_items import UserItems
from featurizer.recsys.csr import Csr, Operator
from featurizer.recsys.losses.bpr import bpr_loss
from featurizer.recsys.losses.l2 import l2_loss
from featurizer.recsys.options import ModelOptions
from featurizer.recsys.recommender import Embeddings, id_table, learned, linear
from featurizer.recsys.sampler import Triples
from featurizer.recsys.user_item_graph import adjacency, joined, normalized_block, propagate


class Freedom:
    """h_u = LightGCN(u), h_i = LightGCN(i) + S·e_i, with S the binary item graph.

    An epoch's graph keeps a share of the train pairs, drawn without replacement with weights
    1/sqrt(deg_u · deg_i); scores come from the whole graph. The features enter through the item graph and
    through a BPR loss of the users against the projected features.
    """

    def __init__(
        self,
        train: UserItems,
        features: torch.Tensor,
        item_graph: Operator,
        options: ModelOptions,
        generator: torch.Generator,
        batch_size: int,
    ) -> None:
        self.train, self.options, self.features, self.item_graph = train, options, features, item_graph
        self.batch_size = batch_size
        self.n_users, device = train.n_users, features.device
        self.whole = adjacency(train).to(device)
        self.thinned = self.whole
        weight, bias = linear(features.shape[1], options.dim, generator)
        ids = id_table(train.n_users, train.n_items, options.dim, generator)
        self.parameters = learned({"ids": ids, "project.weight": weight, "project.bias": bias}, device)

    def named_parameters(self) -> Mapping[str, torch.nn.Parameter]:
        """Return what is learned, by name."""
        return self.parameters

    def begin_epoch(self, generator: np.random.Generator) -> None:
        """Draw the epoch's graph."""
        if self.options.keep_edges < 1:
            kept = drawn_pairs(self.train, self.options.keep_edges, generator)
            self.thinned = thinned_adjacency(self.train, kept).to(self.features.device)

    def embeddings(self) -> Embeddings:
        """Return the vectors over the whole graph."""
        with torch.no_grad():
            users, items = self._towers(self.whole)
        return Embeddings(users, items)

    def _towers(self, graph: Csr) -> tuple[torch.Tensor, torch.Tensor]:
        table = self.parameters["ids"]
        ids = propagate(table, graph, self.options.layers)
        return ids[: self.n_users], ids[self.n_users :] + self.item_graph(table[self.n_users :])

    def losses(self, triples: Triples) -> dict[str, torch.Tensor]:
        """Return bpr, l2 and the content's bpr."""
        users, items = self._towers(self.thinned)
        u = users.index_select(0, triples.users)
        i, j = items.index_select(0, triples.positives), items.index_select(0, triples.negatives)
        parts = {
            "bpr": bpr_loss(u, i, j),
            "l2": self.options.l2 * l2_loss(u, i, j, batch_size=self.batch_size),
        }
        if self.options.content_loss:
            mapped = (self._mapped(triples.positives), self._mapped(triples.negatives))
            parts["content"] = self.options.content_loss * bpr_loss(u, *mapped)
        return parts

    def _mapped(self, items: torch.Tensor) -> torch.Tensor:
        weights, features = self.parameters, self.features[items]
        mapped = torch.addmm(weights["project.bias"], features, weights["project.weight"])
        return mapped * features.any(1, keepdim=True)


def drawn_pairs(train: UserItems, share: float, generator: np.random.Generator) -> np.ndarray:
    """Return increasing positions of the train pairs that an epoch keeps: the smallest of exponential clocks.

    A pair's clock runs at its weight, which draws without replacement with these weights (Efraimidis, 2006).
    """
    weights = normalized_block(train).data.astype(np.float64)
    clocks = generator.exponential(size=len(weights)) / weights
    count = max(1, int(share * len(weights)))
    return np.sort(np.argpartition(clocks, count - 1)[:count])


def thinned_adjacency(train: UserItems, kept: np.ndarray) -> Csr:
    """Return the adjacency of the kept pairs, normalized by the degrees that are left."""
    users, items = train.users[kept], train.items[kept]
    by_user = np.maximum(np.bincount(users, minlength=train.n_users), 1) ** -0.5
    by_item = np.maximum(np.bincount(items, minlength=train.n_items), 1) ** -0.5
    weights = (by_user[users] * by_item[items]).astype(np.float32)
    starts = np.concatenate([[0], np.cumsum(np.bincount(users, minlength=train.n_users))]).astype(np.int32)
    return joined(sparse.csr_array((weights, items, starts), shape=(train.n_users, train.n_items)))
