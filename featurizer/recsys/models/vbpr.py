"""VBPR: matrix factorization with the items' projected features beside their ids."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from featurizer.recsys.losses.bpr import bpr_loss
from featurizer.recsys.losses.l2 import l2_loss
from featurizer.recsys.options import ModelOptions
from featurizer.recsys.recommender import Embeddings, learned, linear, xavier_rows
from featurizer.recsys.sampler import Triples


class Vbpr:
    """Score [γ_u, θ_u] · [γ_i, W·feature_i + b] (He and McAuley, 2016, without their bias terms)."""

    def __init__(
        self,
        features: torch.Tensor,
        n_users: int,
        options: ModelOptions,
        generator: torch.Generator,
        batch_size: int,
    ) -> None:
        self.features, self.options, self.batch_size = features, options, batch_size
        self.known = features.any(1, keepdim=True)
        weight, bias = linear(features.shape[1], options.dim, generator)
        first = {
            "users": xavier_rows(n_users, 2 * options.dim, generator),
            "items": xavier_rows(len(features), options.dim, generator),
            "project.weight": weight,
            "project.bias": bias,
        }
        self.parameters = learned(first, features.device)

    def named_parameters(self) -> Mapping[str, torch.nn.Parameter]:
        """Return what is learned, by name."""
        return self.parameters

    def begin_epoch(self, generator: np.random.Generator) -> None:
        """Nothing is drawn."""

    def embeddings(self) -> Embeddings:
        """Return the (u, 2d) and (n, 2d) vectors."""
        with torch.no_grad():
            everything = torch.arange(len(self.features), device=self.features.device)
            return Embeddings(self.parameters["users"].detach().clone(), self._items(everything))

    def _items(self, items: torch.Tensor) -> torch.Tensor:
        weights = self.parameters
        mapped = torch.addmm(weights["project.bias"], self.features[items], weights["project.weight"])
        return torch.cat([weights["items"].index_select(0, items), mapped * self.known[items]], dim=1)

    def losses(self, triples: Triples) -> dict[str, torch.Tensor]:
        """Return bpr and l2."""
        u = self.parameters["users"].index_select(0, triples.users)
        i, j = self._items(triples.positives), self._items(triples.negatives)
        return {
            "bpr": bpr_loss(u, i, j),
            "l2": self.options.l2 * l2_loss(u, i, j, batch_size=self.batch_size),
        }
