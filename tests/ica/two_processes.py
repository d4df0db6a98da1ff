"""One of several processes that train together; torchrun starts it. The first one writes the epochs' records."""

import json
import sys
import tempfile
from pathlib import Path

import torch

from featurizer.catalog.store import Catalog
from featurizer.ica.batches import split_rows
from featurizer.ica.fit import fit
from featurizer.ica.initialize import build
from featurizer.ica.options import Architecture, IcaOptions, Objective, Training
from featurizer.ica.setup import TrainingSetup
from featurizer.ica.token_store import TokenEncoders, cache_tokens
from featurizer.training.checkpoint import CheckpointFile
from featurizer.training.distributed import distributed_context
from featurizer.training.hooks import Hooks
from tests.support.small_tokens import Patches, Words


def main(catalog, tokens, out, batch_size):
    torch.set_num_threads(1)
    options = IcaOptions(
        architecture=Architecture(width=16, layers=2, heads=2, fused_layers=1, expansion=2),
        objective=Objective(codes=6, method="alignrec"),
        training=Training(epochs=2, batch_size=batch_size, learning_rate=3e-3, valid_share=0.2),
    )
    encoders = TokenEncoders(Patches(), Words(), threads=1)
    source = cache_tokens(Catalog.open(catalog), encoders, tokens)
    train, valid = split_rows(source.rows, 0.2, 0)
    with distributed_context("cpu") as world, tempfile.TemporaryDirectory() as folder:
        model, heads = build(source, train, options)
        job = TrainingSetup(model, heads, source, encoders.text, train, valid, options, context=world)
        history = fit(job, Hooks(checkpoint=CheckpointFile(Path(folder) / "checkpoint.pt", "a run")))
        if world.is_first:
            out.write_text(json.dumps(history))
    return history


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
