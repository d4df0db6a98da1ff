"""Vectors, an alignment and a recommender, computed in a process of its own, as many threads as it is told."""

import sys
from pathlib import Path

import torch

from featurizer.catalog.store import Catalog
from featurizer.features.extract import ExtractOptions, extract
from featurizer.ica.options import Architecture, IcaOptions, Objective, Training
from featurizer.ica.pretrain import PretrainRun, pretrain
from featurizer.ica.token_store import TokenEncoders
from featurizer.interactions.store import read_split
from featurizer.recsys.configuration import configuration
from featurizer.recsys.content import read_features
from featurizer.recsys.data import assemble
from featurizer.recsys.registry import load_recommender
from featurizer.recsys.train import train
from tests.support.color import ColorEncoder, spec
from tests.support.small_tokens import Patches, Words


class Spread(ColorEncoder):
    """A picture's mean color, each part averaged over a long row of waves: a sum that threads share out."""

    def encode(self, prepared):
        colors = torch.from_numpy(super().encode(prepared)).view(-1, 64, 3).mean(dim=1)
        waves = torch.linspace(0, 1, 100_000)
        return torch.stack([(part + waves).sin().mean() for part in colors.flatten()]).view(-1, 3).numpy()


def compute(catalog: Catalog, interactions: Path, out: Path, threads: int) -> None:
    """Write `features/`, `ica/` and `model/` into `out`."""
    options = ExtractOptions(threads=threads)
    features = extract(catalog, [Spread(spec("spread", "image", 3))], out / "features", options)
    # so many hidden tokens a step that torch shares them out among threads
    ica = IcaOptions(
        architecture=Architecture(width=256, layers=1, heads=2, fused_layers=1),
        objective=Objective(codes=6),
        training=Training(epochs=2, batch_size=96, valid_share=0.2),
    )
    encoders = TokenEncoders(Patches(), Words(), threads=threads)
    pretrain(catalog, encoders, out / "ica", ica, PretrainRun("patches", "words"))
    data = assemble(read_split(interactions), features.item_ids(), read_features(features, "spread_image"))
    training = {"epochs": 2, "batch_size": 512, "threads": threads}
    chosen = configuration(load_recommender("alignrec")).changed(training=training)
    train(out / "model", chosen, data, inputs={"features": "spread"})


if __name__ == "__main__":
    folder, table, made, count = sys.argv[1:]
    compute(Catalog.open(Path(folder)), Path(table), Path(made), int(count))
