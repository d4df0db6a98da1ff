"""The steps a recipe may have: one command a file. Heavy imports wait until a step runs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from featurizer.recipes.steps.card import Card
from featurizer.recipes.steps.compare import Compare
from featurizer.recipes.steps.download import Download
from featurizer.recipes.steps.export import Export
from featurizer.recipes.steps.extract import Extract
from featurizer.recipes.steps.ingest import Ingest
from featurizer.recipes.steps.pretrain_ica import PretrainIca
from featurizer.recipes.steps.publish import Publish
from featurizer.recipes.steps.report import MakeReport
from featurizer.recipes.steps.score_features import ScoreFeatures
from featurizer.recipes.steps.train import Train
from featurizer.recipes.work import Work

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
