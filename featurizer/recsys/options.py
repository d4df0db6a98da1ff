"""How recommenders are trained, and the options that mean the same in several of them."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from featurizer.config import Config, Flag
from featurizer.encoders.device import recorded_threads
from featurizer.records import Json

Count: TypeAlias = Annotated[int, Field(ge=1)]
Weight: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]

Dim: TypeAlias = Annotated[Count, Field(description="Width of the vectors that users and items get.")]
Layers: TypeAlias = Annotated[int, Field(ge=0, description="Layers over the graph of users and items.")]
Neighbors: TypeAlias = Annotated[
    Count, Field(description="Neighbors an item has in the item graph, itself included.")
]
Uia: TypeAlias = Annotated[Weight, Field(description="Weight of user-item alignment (UIA).")]
Ridge: TypeAlias = Annotated[
    float,
    Field(gt=0, allow_inf_nan=False, description="Weight of the squared weights, λ of the closed form."),
]
Nearest: TypeAlias = Annotated[
    Count, Field(description="Nearest items that an item adds its similarity to, itself not among them.")
]
Shrinkage: TypeAlias = Annotated[
    Weight, Field(description="Is added to the denominator of the cosine, against chance among few buyers.")
]
L2: TypeAlias = Annotated[Weight, Field(description="Weight of the L2 term.")]

LEARNING_RATES = (5e-3, 3e-3, 2e-3, 1e-3, 5e-4)
L2_WEIGHTS = (1e-4, 1e-3, 1e-2, 3e-2, 0.1)
"""What searches choose from, the same for every baseline, so that none has better values to find than another."""

MIN_COVERAGE = 0.5
"""Least share of train pairs whose items must have a feature, where nothing else is asked for."""


BATCH = 2048
STEPS = 128
"""What is taken where no batch size is asked for: so many train pairs a step, and no more than so many steps an epoch.

A step goes through the whole graph whatever the batch, so an epoch on large data costs by its steps. Up to
BATCH · STEPS = 262,144 train pairs nothing changes; `docs/results/trainer.md` has what larger batches did.
"""


class TrainOptions(Config):
    """How long and how fast a recommender is trained."""

    epochs: Count = 1000
    """Epochs at most."""
    batch_size: Count | None = None
    """Train pairs a step; where none are asked for, 2,048, and on large data as many as make 128 steps an epoch."""
    learning_rate: Weight = 1e-3
    """Adam's, in the first epoch."""
    decay: Weight = 0.96
    """The learning rate falls by this factor every 50 epochs, a little each epoch."""
    patience: Count = 30
    """Stop after so many evaluations without a better validation Recall@20."""
    evaluate_every: Count = 1
    """Epochs between evaluations."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of the first weights, the order and the negatives."""
    ks: Annotated[tuple[Count, ...], Field(min_length=1), Flag("-k")] = (10, 20)
    """Lengths of the lists that are reported; 20 is always among them."""
    device: str = "cpu"
    """Where to compute: cpu, cuda or cuda:I."""
    threads: Count | None = None
    """Threads that compute on the CPU; one a core where nothing is said."""
    checkpoint_every: Count = 10
    """Epochs between checkpoints; a killed run resumes from the last."""

    def batch(self, train_pairs: int) -> int:
        """Return the pairs a step that it comes to on so many train pairs."""
        return self.batch_size or max(BATCH, -(-train_pairs // STEPS))

    def record(self) -> dict[str, Json]:
        """Return what tells a training from others, with the number of threads that it comes to here."""
        return self.model_dump(mode="json") | {"threads": recorded_threads(self.threads, self.device)}
