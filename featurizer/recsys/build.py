"""A model by its name, on its data."""

from __future__ import annotations

import torch

from featurizer.encoders.device import halves_pay
from featurizer.errors import InputError
from featurizer.recsys.csr import Operator
from featurizer.recsys.data import RecData
from featurizer.recsys.item_graph import nearest_items, normalized_neighbors
from featurizer.recsys.models.alignrec import AlignRec, ContentGraph, unit_rows
from featurizer.recsys.models.freedom import Freedom
from featurizer.recsys.models.vbpr import Vbpr
from featurizer.recsys.options import ModelOptions
from featurizer.recsys.recommender import Recommender
from featurizer.recsys.user_item_graph import adjacency, spread_to_users

ID_ONLY = ("lightgcn", "bpr")


def build(data: RecData, options: ModelOptions, *, batch_size: int, seed: int, device: str) -> Recommender:
    """Make a model with its graphs and its first weights.

    Raises:
        InputError: the model needs features and no item has one.
    """
    generator = torch.Generator().manual_seed(seed)
    shape = data.n_users, data.n_items
    graph = adjacency(data.train).to(device)
    if options.name in ID_ONLY:
        return AlignRec(shape, graph, None, options, generator, batch_size)
    if not data.known.any():
        raise InputError(
            f"no item has a feature, and {options.name} needs some; choose another --space, "
            "or --model lightgcn"
        )
    features = torch.from_numpy(data.features).to(device)
    if options.name == "vbpr":
        return Vbpr(features, data.n_users, options, generator, batch_size)
    if options.name == "freedom":
        items = _item_graph(features, options, binary=True)
        return Freedom(data.train, features, items, options, generator, batch_size)
    halved = options.half and not options.trainable_features and halves_pay(device)
    content = ContentGraph(
        features.bfloat16() if halved else features,
        unit_rows(features),
        torch.from_numpy(data.known).to(device),
        _item_graph(features, options, binary=False) if options.item_graph else None,
        spread_to_users(data.train).to(device),
    )
    return AlignRec(shape, graph, content, options, generator, batch_size)


def _item_graph(features: torch.Tensor, options: ModelOptions, *, binary: bool) -> Operator:
    neighbors = nearest_items(features, options.neighbors)
    return normalized_neighbors(*neighbors, binary=binary).to(features.device)
