"""What a model is and how it is trained."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal, TypeAlias, get_args

from featurizer.encoders.device import recorded_threads
from featurizer.errors import InputError
from featurizer.records import Json

ModelName: TypeAlias = Literal["alignrec", "lightgcn", "bpr", "vbpr", "freedom"]
MODEL_NAMES: tuple[ModelName, ...] = get_args(ModelName)

AUTHORS_BATCH = 2048
COLDEST = 0.02
"""CCA sums exp(cosine / temperature) as it is; float32 holds a million terms of exp(50)."""


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """The model's form and the weights of its losses.

    Attributes:
        name: which model.
        dim: width of the vectors that users and items get.
        layers: LightGCN layers over the user-item graph.
        neighbors: items an item is joined to in the item graph, itself included.
        alpha: weight of CCA (content-id alignment).
        reg: weight of REG, the paper's lambda.
        uia: weight of UIA (user-item alignment).
        l2: weight of the L2 term.
        temperature: CCA's.
        item_graph: off for the ablation without the graph between items.
        content_loss: FREEDOM's weight of the BPR loss on projected features.
        keep_edges: FREEDOM's share of train pairs kept in an epoch's graph.
        trainable_features: the features are where learning starts, not what it is held to.
        moving_target: REG's target are the cosines of the features as they are by now, as in the authors'
            code, where target and trainable features share storage. Off: of the features as given.
        repeats: an item or user counts in CCA and REG as often as it stands in the batch, as in the authors'
            code. Off: once, and one without content not at all.
        contrast: rows that CCA contrasts at a time and REG compares, out of a batch; 0 is the whole batch.
        half: multiply fixed features in bfloat16 where the processor does that faster than in float32.
    """

    name: ModelName = "alignrec"
    dim: int = 64
    layers: int = 2
    neighbors: int = 10
    alpha: float = 0.01
    reg: float = 0.1
    uia: float = 0.1
    l2: float = 1e-4
    temperature: float = 0.2
    item_graph: bool = True
    content_loss: float = 1e-3
    keep_edges: float = 0.2
    trainable_features: bool = False
    moving_target: bool = False
    repeats: bool = False
    contrast: int = 512
    half: bool = True

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        _at_least(self, 1, "dim", "neighbors")
        _at_least(self, 0, "layers", "alpha", "reg", "uia", "l2", "content_loss", "contrast")
        _at_least(self, COLDEST, "temperature")
        if not 0 < self.keep_edges <= 1:
            raise InputError(f"keep_edges is {self.keep_edges}; expected more than 0 and at most 1")


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """How long and how fast.

    Attributes:
        epochs: at most so many.
        batch_size: train pairs a step.
        learning_rate: Adam's, in the first epoch.
        decay: the rate falls by this factor every 50 epochs, a little each epoch.
        patience: stop after so many evaluations without a better validation Recall@20.
        evaluate_every: epochs between evaluations.
        seed: of the first weights, the order and the negatives.
        ks: list lengths that are reported; 20 is always among them.
        device: where to compute.
        threads: that compute on the CPU; None for one a core.
        checkpoint_every: epochs between checkpoints; a killed run resumes from the last.
    """

    epochs: int = 1000
    batch_size: int = AUTHORS_BATCH
    learning_rate: float = 1e-3
    decay: float = 0.96
    patience: int = 30
    evaluate_every: int = 1
    seed: int = 0
    ks: tuple[int, ...] = (10, 20)
    device: str = "cpu"
    threads: int | None = None
    checkpoint_every: int = 10

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        _at_least(self, 1, "epochs", "batch_size", "patience", "evaluate_every", "checkpoint_every")
        _at_least(self, 0, "learning_rate", "decay", "seed")
        if not self.ks or min(self.ks) < 1:
            raise InputError(f"list lengths {self.ks}; expected at least one, each 1 or more")

    def record(self) -> dict[str, Json]:
        """Return what tells a training from others, with the number of threads that it comes to here."""
        plain: dict[str, Json] = asdict(self)
        return plain | {"ks": list(self.ks), "threads": recorded_threads(self.threads, self.device)}


def _at_least(options: ModelOptions | TrainOptions, least: float, *names: str) -> None:
    for name in names:
        if not getattr(options, name) >= least:
            raise InputError(f"{name} is {getattr(options, name)}; expected {least} or more")
