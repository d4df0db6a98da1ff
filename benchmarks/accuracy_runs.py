"""Which accuracy runs there are, and which finished rows are theirs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace

from featurizer.recsys.options import ModelName, ModelOptions, TrainOptions
from featurizer.recsys.presets import preset


@dataclass(frozen=True)
class Run:
    """One row of the table: a model's preset with some options changed."""

    name: str
    dataset: str
    model: ModelName
    exact: bool = False
    form: dict[str, object] = field(default_factory=dict)
    training: dict[str, object] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What the run is asked for by."""
        return f"{self.dataset}/{self.name}"


CURVE = {"epochs": 25}
RUNS = [
    Run("lightgcn", "baby", "lightgcn"),
    Run("lightgcn, 2 layers", "baby", "lightgcn", form={"layers": 2}, training={"learning_rate": 2e-3}),
    Run(
        "lightgcn, 2 layers, slower", "baby", "lightgcn", form={"layers": 2}, training={"learning_rate": 1e-3}
    ),
    Run("bpr", "baby", "bpr"),
    Run("vbpr", "baby", "vbpr"),
    Run("freedom", "baby", "freedom"),
    Run("alignrec", "baby", "alignrec"),
    Run("alignrec --exact", "baby", "alignrec", exact=True, training=CURVE),
    Run(
        "alignrec --exact --no-moving-target",
        "baby",
        "alignrec",
        exact=True,
        form={"moving_target": False},
        training=CURVE,
    ),
    Run("alignrec without CCA", "baby", "alignrec", form={"alpha": 0.0}),
    Run("alignrec without UIA", "baby", "alignrec", form={"uia": 0.0}),
    Run("alignrec without REG", "baby", "alignrec", form={"reg": 0.0}),
    Run("alignrec without item graph", "baby", "alignrec", form={"item_graph": False}),
    Run("lightgcn", "sports", "lightgcn"),
    Run("lightgcn, slower", "sports", "lightgcn", training={"learning_rate": 1e-3}),
    Run(
        "lightgcn, slower, less L2",
        "sports",
        "lightgcn",
        form={"l2": 1e-5},
        training={"learning_rate": 1e-3},
    ),
    Run("bpr", "sports", "bpr"),
    Run("alignrec", "sports", "alignrec"),
]


def options_of(run: Run, seed: int) -> tuple[ModelOptions, TrainOptions]:
    form, training = preset(run.model, exact=run.exact)
    return replace(form, **run.form), replace(training, seed=seed, **run.training)


def rows_of(run: Run, rows: list[dict]) -> list[dict]:
    """Return the finished rows of these options, whatever they were called, by seed."""
    mine = [row for row in rows if row["dataset"] == run.dataset and same_options(row, run)]
    return sorted(mine, key=lambda row: row["seed"])


def same_options(row: dict, run: Run) -> bool:
    form, training = options_of(run, row["seed"])
    asked = json.loads(json.dumps({**asdict(form), **asdict(training)}))
    return {**row["model"], **row["training"]} == asked
