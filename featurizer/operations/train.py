"""The step `train`: a feature set and interactions become a recommender and its figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from featurizer.operations.operation import Kind, Outcome, Reads, Target, Work
from featurizer.operations.overrides import Some, overridden
from featurizer.recsys.options import ModelName, ModelOptions, TrainOptions
from featurizer.recsys.presets import preset, refuse_ignored

if TYPE_CHECKING:
    from featurizer.records import Json
    from featurizer.recsys.data import RecData
    from featurizer.recsys.source import Source
    from featurizer.recsys.tune import Trial


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training left: the summary of its manifest, and the trials of a search, best first."""

    summary: dict[str, Json]
    trials: tuple[Trial, ...] = ()


class Train(Work):
    """What `featurizer train` is told; `options` and `training` are named as in the library."""

    makes: ClassVar[Mapping[Kind, str]] = {"model": "."}

    features: Annotated[Path, Reads(("features",))]
    """The feature set."""
    interactions: Annotated[Path, Reads(("interactions",))]
    """Split interactions."""
    space: str | None = None
    """The space to learn from; a+b joins two. `unified`, or the only one, where not given."""
    item_map: Annotated[Path | None, Reads(())] = None
    """asin and itemID, when the interactions number the items."""
    min_coverage: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Least share of train pairs whose items have a feature."""
    model: ModelName = "alignrec"
    """Which recommender."""
    exact: bool = False
    """AlignRec as its authors compute it."""
    options: Some = Field(default_factory=dict)
    """What differs from the model's preset: alpha (CCA), uia, reg (the paper's lambda), neighbors, …."""
    training: Some = Field(default_factory=dict)
    """What differs from it in training: epochs, batch_size, learning_rate, ks, …."""
    seed: Annotated[int, Field(ge=0)] = 0
    """The first seed."""
    seeds: Annotated[int, Field(ge=1)] = 1
    """How many."""
    tune: bool = False
    """Search hyper-parameters on validation first."""
    search: Literal["random", "grid"] = "random"
    """How."""
    trials: Annotated[int, Field(ge=1)] = 12
    """Of a random search."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:I."""

    @model_validator(mode="after")
    def _check(self) -> Train:
        self.chosen()
        return self

    def chosen(self) -> tuple[ModelOptions, TrainOptions]:
        """Return the preset with what is given in its places."""
        form, pace = preset(self.model, exact=self.exact)
        form, pace = overridden(form, self.options), overridden(pace, self.training)
        refuse_ignored(form)
        return form, replace(pace, ks=tuple(sorted(set(pace.ks))), seed=self.seed)

    def source(self) -> Source:
        """Open what is trained on."""
        from featurizer.recsys.source import Source

        return Source.of(
            self.features,
            self.interactions,
            space=self.space,
            item_map=self.item_map,
            min_coverage=self.min_coverage,
        )

    def make(self, to: Target, source: Source, data: RecData) -> Trained:
        """Search where that is asked for, then train."""
        from featurizer.encoders.device import training_device
        from featurizer.recsys.train import TrainStage, refuse_other_model, train
        from featurizer.recsys.tune import GRIDS, TUNE_MANIFEST, TuneStage, applied, tuned_stage

        form, pace = self.chosen()
        pace, inputs = replace(pace, device=training_device(self.device)), source.fingerprints()
        trials: list[Trial] = []
        if self.tune:
            grid, folder = GRIDS[self.model], to.out / "tune"
            if not to.overwrite and not (folder / TUNE_MANIFEST).exists():
                refuse_other_model(to.out)
            tuning = TuneStage(folder, form, pace, grid, self.search, self.trials, inputs, to.overwrite)
            trials = tuned_stage(tuning, data, to.report)
            form, pace = applied(trials[0].values, form, pace)
        stage = TrainStage(to.out, form, pace, self.seeds, inputs, to.overwrite)
        return Trained(train(stage, data, to.report), tuple(trials))

    def run(self, to: Target) -> Outcome:
        """Train, and say how it did on test."""
        from featurizer.recsys.memory import keep_freed_memory
        from featurizer.recsys.train import refuse_foreign_folder

        keep_freed_memory()
        refuse_foreign_folder(to.out)
        source = self.source()
        summary = self.make(to, source, source.read()).summary
        test = summary["test"]
        assert isinstance(test, dict)
        figures = ", ".join(
            f"{name} {float(str(value)):.4f}" for name, value in test.items() if name.endswith("@20")
        )
        return Outcome(
            f"{summary['model']} on {source.space}, epoch {summary['best_epoch']}; test {figures}",
            (to.out / "model" / "metrics.jsonl",),
        )
