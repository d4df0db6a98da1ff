"""Which accuracy runs there are, and which finished rows are theirs."""

from __future__ import annotations

from dataclasses import dataclass, field

from featurizer.recsys.configuration import Configuration, configuration
from featurizer.recsys.options import BATCH
from featurizer.recsys.registry import load_recommender


@dataclass(frozen=True)
class Run:
    """One row of the table: a model's preset with some options changed."""

    name: str
    dataset: str
    model: str
    exact: bool = False
    options: dict[str, object] = field(default_factory=dict)
    training: dict[str, object] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What the run is asked for by."""
        return f"{self.dataset}/{self.name}"


CURVE = {"epochs": 25}
RUNS = [
    Run("lightgcn", "baby", "lightgcn"),
    Run("lightgcn, 2 layers", "baby", "lightgcn", options={"layers": 2}, training={"learning_rate": 2e-3}),
    Run(
        "lightgcn, 2 layers, slower",
        "baby",
        "lightgcn",
        options={"layers": 2},
        training={"learning_rate": 1e-3},
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
        options={"moving_target": False},
        training=CURVE,
    ),
    Run("alignrec without CCA", "baby", "alignrec", options={"alpha": 0.0}),
    Run("alignrec without UIA", "baby", "alignrec", options={"uia": 0.0}),
    Run("alignrec without REG", "baby", "alignrec", options={"reg": 0.0}),
    Run("alignrec without item graph", "baby", "alignrec", options={"item_graph": False}),
    Run("lightgcn", "sports", "lightgcn"),
    Run("lightgcn, slower", "sports", "lightgcn", training={"learning_rate": 1e-3}),
    Run(
        "lightgcn, slower, less L2",
        "sports",
        "lightgcn",
        options={"l2": 1e-5},
        training={"learning_rate": 1e-3},
    ),
    Run("bpr", "sports", "bpr"),
    Run("alignrec", "sports", "alignrec"),
]


def configuration_of(run: Run, seed: int) -> Configuration:
    preset = configuration(load_recommender(run.model), "exact" if run.exact else "default")
    return preset.changed(run.options, {"batch_size": BATCH, **run.training, "seed": seed})


def rows_of(run: Run, rows: list[dict]) -> list[dict]:
    """Return the finished rows of these options, whatever they were called, by seed."""
    mine = [row for row in rows if row["dataset"] == run.dataset and same_options(row, run)]
    return sorted(mine, key=lambda row: row["seed"])


def same_options(row: dict, run: Run) -> bool:
    """Compare what the model is told; rows of earlier versions also hold options of other models."""
    asked, found = configuration_of(run, row["seed"]).record(), {**row["model"], **row["training"]}
    return all(found.get(name) == value for name, value in {**asked["model"], **asked["training"]}.items())
