"""A recommender as another package would write it: one file, importing torch as it likes."""

from __future__ import annotations

import torch
from torch import nn

from featurizer.config import Config
from featurizer.recsys.losses import bpr_loss
from featurizer.recsys.options import Dim, TrainOptions
from featurizer.recsys.recommender import Embeddings
from featurizer.recsys.spec import Preset, RecommenderSpec


class LinearOptions(Config):
    """Its hyper-parameters."""

    dim: Dim = 64
    bias: bool = False
    """Add a vector to what is read off the features."""


class Linear(nn.Module):
    """A user's vector times a linear map of the item's features."""

    def __init__(self, data, options, *, batch_size, seed, device):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        width = data.features.shape[1]
        self.register_buffer("features", torch.from_numpy(data.features.copy()), persistent=False)
        self.users = nn.Embedding(data.n_users, options.dim)
        self.map = nn.Linear(width, options.dim, bias=options.bias)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.normal_(std=0.1, generator=generator)
        self.to(device)

    @property
    def weights(self):
        return self

    def begin_epoch(self, generator):
        pass

    def losses(self, triples):
        items = self.map(self.features)
        return {
            "bpr": bpr_loss(self.users(triples.users), items[triples.positives], items[triples.negatives])
        }

    def embeddings(self):
        with torch.no_grad():
            return Embeddings(self.users.weight.detach().clone(), self.map(self.features))


LINEAR = RecommenderSpec(
    name="linear",
    options=LinearOptions,
    builder=Linear,
    presets={"default": Preset(LinearOptions(), TrainOptions(epochs=100))},
    grid={"learning_rate": (1e-2, 1e-3), "dim": (32, 64)},
)
