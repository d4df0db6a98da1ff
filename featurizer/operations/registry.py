"""The steps a recipe may have: one command a file. Heavy imports wait until a step runs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from featurizer.operations.card import Card
from featurizer.operations.compare import Compare
from featurizer.operations.download import Download
from featurizer.operations.export import Export
from featurizer.operations.extract import Extract
from featurizer.operations.ingest import Ingest
from featurizer.operations.operation import Work
from featurizer.operations.pretrain_ica import PretrainIca
from featurizer.operations.publish import Publish
from featurizer.operations.report import MakeReport
from featurizer.operations.score_features import ScoreFeatures
from featurizer.operations.train import Train

STEPS: Mapping[str, type[Work]] = MappingProxyType(
    {
        "download": Download,
        "ingest": Ingest,
        "extract": Extract,
        "pretrain-ica": PretrainIca,
        "score-features": ScoreFeatures,
        "train": Train,
        "compare": Compare,
        "card": Card,
        "report": MakeReport,
        "publish": Publish,
        "export": Export,
    }
)
"""By what stands after `uses`."""
