"""The stage in a process of its own, with the small encoders, a line for each progress report: to be killed."""

import sys
from pathlib import Path

from featurizer.catalog.store import Catalog
from featurizer.ica.options import Architecture, IcaOptions, Objective, Training
from featurizer.ica.pretrain import PretrainRun, pretrain
from featurizer.ica.token_store import TokenEncoders
from tests.support.small_tokens import Patches, Words

if __name__ == "__main__":
    options = IcaOptions(
        architecture=Architecture(width=16, layers=2, heads=2, fused_layers=1),
        objective=Objective(codes=6),
        training=Training(epochs=8, batch_size=16, valid_share=0.2, checkpoint_minutes=0.002),
    )
    encoders = TokenEncoders(Patches(), Words(), threads=1)
    sys.stdout.reconfigure(line_buffering=True)
    run = PretrainRun("patches", "words", report=lambda progress: sys.stdout.write(f"{progress}\n"))
    pretrain(Catalog.open(Path(sys.argv[1])), encoders, Path(sys.argv[2]), options, run)
