"""AlignRec's second stage; LightGCN and BPR are the same machine with parts off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from featurizer.recsys.csr import Csr, Operator
from featurizer.recsys.losses.bpr import bpr_loss
from featurizer.recsys.losses.cca import cca_loss
from featurizer.recsys.losses.l2 import l2_loss
from featurizer.recsys.losses.reg import reg_loss
from featurizer.recsys.losses.uia import uia_loss
from featurizer.recsys.options import ModelOptions
from featurizer.recsys.recommender import Embeddings, id_table, learned, linear
from featurizer.recsys.sampler import Triples
from featurizer.recsys.user_item_graph import propagate


@dataclass(frozen=True, slots=True)
class ContentGraph:
    """What the content side computes with.

    Attributes:
        features: (n, f), zero rows where an item has none; may be bfloat16 where they are fixed.
        units: (n, f), their rows of length 1: the target of REG, unless it moves with them.
        known: (n,) bool.
        items: S (n, n) of the item graph; None leaves each item its own content alone.
        to_users: [R~; I] (u + n, n).
    """

    features: torch.Tensor
    units: torch.Tensor
    known: torch.Tensor
    items: Operator | None
    to_users: Operator


class AlignRec:
    """Ids through LightGCN, content through the item graph, their sum scored by dot product.

    With m = W·feature + b:  x = e_id ⊙ sigmoid(W₂·m + b₂);  h_mm(item) = S·x;  h_mm(user) = R~·h_mm(item);
    h = h_id + h_mm. Without `content` it is LightGCN, with no layers too it is BPR matrix factorization.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        graph: Csr,
        content: ContentGraph | None,
        options: ModelOptions,
        generator: torch.Generator,
        batch_size: int,
    ) -> None:
        self.n_users, self.n_items = shape
        self.graph, self.content, self.options, self.batch_size = graph, content, options, batch_size
        first = {"ids": id_table(*shape, options.dim, generator)}
        if content is not None:
            width = content.features.shape[1]
            first["project.weight"], first["project.bias"] = linear(width, options.dim, generator)
            first["gate.weight"], first["gate.bias"] = linear(options.dim, options.dim, generator)
            if options.trainable_features:
                first["features"] = content.features.float().clone()
        self.parameters = learned(first, graph.weights.device)

    def named_parameters(self) -> Mapping[str, torch.nn.Parameter]:
        """Return what is learned, by name."""
        return self.parameters

    def begin_epoch(self, generator: np.random.Generator) -> None:
        """Nothing is drawn."""

    def embeddings(self) -> Embeddings:
        """Return h of all users and items."""
        with torch.no_grad():
            ids, content = self.towers()
            # without layers the tower is the table itself, which training goes on to change
            final = ids.detach().clone() if content is None else ids + content
        return Embeddings(final[: self.n_users], final[self.n_users :])

    def towers(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return h_id (u + n, d) and h_mm (u + n, d); None without content."""
        table = self.parameters["ids"]
        ids = propagate(table, self.graph, self.options.layers)
        if self.content is None:
            return ids, None
        return ids, self.content.to_users(self._item_content(table[self.n_users :], self.content))

    def _item_content(self, items: torch.Tensor, content: ContentGraph) -> torch.Tensor:
        features = self.parameters.get("features", content.features)
        weights = self.parameters
        projected = features @ weights["project.weight"].to(features.dtype)
        mapped = projected.float() + weights["project.bias"]
        gated = items * torch.sigmoid(torch.addmm(weights["gate.bias"], mapped, weights["gate.weight"]))
        return gated * content.known[:, None] if content.items is None else content.items(gated)

    def losses(self, triples: Triples) -> dict[str, torch.Tensor]:
        """Return the weighted parts: bpr, l2, and uia, cca, reg where their weight is not 0."""
        users, items = triples.users, self.n_users + torch.cat([triples.positives, triples.negatives])
        rows = torch.cat([users, items])
        ids, content = self.towers()
        of_ids = ids.index_select(0, rows)
        of_content = None if content is None else content.index_select(0, rows)
        u, i, j = (of_ids if of_content is None else of_ids + of_content).chunk(3)
        options = self.options
        parts = {"bpr": bpr_loss(u, i, j), "l2": options.l2 * l2_loss(u, i, j, batch_size=self.batch_size)}
        if options.uia:
            parts["uia"] = options.uia * uia_loss(u, i)
        if of_content is not None and self.content is not None:
            parts |= self._alignment(triples, of_ids.chunk(3)[:2], of_content.chunk(3)[:2], self.content)
        return parts

    def _alignment(
        self,
        triples: Triples,
        ids: tuple[torch.Tensor, ...],
        content: tuple[torch.Tensor, ...],
        graph: ContentGraph,
    ) -> dict[str, torch.Tensor]:
        """Return cca and reg; `ids` and `content` are each of the (b, d) users and of the (b, d) positives."""
        options, parts = self.options, {}
        of_users, user_counts = _distinct(triples.users, self.n_users)
        of_items, item_counts = _distinct(triples.positives, self.n_items)
        if not options.repeats:
            of_users, user_counts = of_users[content[0].detach()[of_users].any(1)], None
            of_items, item_counts = of_items[graph.known[triples.positives[of_items]]], None
        if options.alpha:
            parts["cca"] = options.alpha * (
                self._contrast(content[1][of_items], ids[1][of_items], item_counts)
                + self._contrast(content[0][of_users], ids[0][of_users], user_counts)
            )
        if options.reg:
            compared = of_items if options.repeats else of_items[: options.contrast or None]
            targets = self._targets(triples.positives[compared], graph)
            parts["reg"] = options.reg * reg_loss(content[1][compared], targets, item_counts)
        return parts

    def _contrast(
        self, content: torch.Tensor, ids: torch.Tensor, counts: torch.Tensor | None
    ) -> torch.Tensor:
        """Return CCA of the whole, or the mean over nearly equal groups of at most `contrast` rows."""
        options, total = self.options, content.new_zeros(())
        if counts is not None or not options.contrast:
            return cca_loss(content, ids, options.temperature, counts)
        groups = max(1, -(-len(content) // options.contrast))
        for m, e in zip(content.tensor_split(groups), ids.tensor_split(groups), strict=True):
            total = total + cca_loss(m, e, options.temperature) * len(m)
        return total / max(len(content), 1)

    def _targets(self, items: torch.Tensor, graph: ContentGraph) -> torch.Tensor:
        if self.options.moving_target and self.options.trainable_features:
            return unit_rows(self.parameters["features"].detach()[items])
        return graph.units[items]


def _distinct(values: torch.Tensor, size: int) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return increasing positions that hold each value of (b,) once, and how often each stands there."""
    positions = torch.arange(len(values), device=values.device)
    last = torch.full((size,), -1, dtype=torch.int64, device=values.device)
    last.scatter_reduce_(0, values, positions, "amax")
    kept = positions[last[values] == positions]
    return kept, torch.bincount(values, minlength=size)[values[kept]]


def unit_rows(features: torch.Tensor) -> torch.Tensor:
    """Return (n, f) rows of length 1; a zero row stays zero."""
    return functional.normalize(features, dim=1)
