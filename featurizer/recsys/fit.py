"""Training one model under one seed: chosen on validation, tested once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch

from featurizer.errors import FeaturizerError
from featurizer.interactions.user_items import UserItems
from featurizer.progress import Progress
from featurizer.ranking.metrics import means
from featurizer.ranking.rank import Ranking, dot_products, rank
from featurizer.records import Json
from featurizer.recsys.data import RecData
from featurizer.recsys.options import TrainOptions
from featurizer.recsys.recommender import ClosedForm, Embeddings, Recommender
from featurizer.recsys.sampler import Sampler
from featurizer.training.checkpoint import Checkpoint
from featurizer.training.hooks import Hooks

SELECTION = "recall@20"
METRIC_STEMS = ("recall", "ndcg", "precision", "map")
Epoch: TypeAlias = dict[str, Json]
CHECKPOINT_SECONDS = 120.0
"""A checkpoint is also due when the last is so old: on large data an epoch takes minutes."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained model.

    Attributes:
        best_epoch: the epoch, from 1, with the best validation Recall@20; all else is of that epoch. A closed form has
            one.
        epochs: one record an epoch, as `metrics.jsonl` holds them.
        valid: mean metrics on validation.
        test: mean metrics on test, computed once.
        embeddings: what scores.
        weights: what was learned, the model's `state_dict`; a closed form has none beside its vectors.
    """

    best_epoch: int
    epochs: list[Epoch]
    valid: dict[str, float]
    test: dict[str, float]
    embeddings: Embeddings
    weights: Mapping[str, torch.Tensor]


def metric_names(ks: tuple[int, ...]) -> list[str]:
    """Name all metrics at all `ks`, the one that selects always among them."""
    names = [f"{stem}@{k}" for k in ks for stem in METRIC_STEMS]
    return names if SELECTION in names else [*names, SELECTION]


def ranked(embeddings: Embeddings, train: UserItems, positives: UserItems, ks: tuple[int, ...]) -> Ranking:
    """Rank all items for the users of a split, far enough for `ks` and the selecting metric."""
    return rank(dot_products(embeddings.users, embeddings.items), train, positives, max(*ks, 20))


def fit(
    model: Recommender | ClosedForm,
    data: RecData,
    training: TrainOptions,
    hooks: Hooks | None = None,
    *,
    test: bool = True,
) -> Fitted:
    """Train until validation stops improving, then test the best epoch once; a closed form is solved in one.

    Args:
        model: what learns, left with the weights of the best epoch.
        data: interactions and features.
        training: how long and how fast.
        hooks: what is called on the way.
        test: off while hyper-parameters are searched: the result's `test` is then empty.

    Raises:
        InputError: nothing can be sampled or ranked.
        FeaturizerError: the loss is not finite.
    """
    if isinstance(model, ClosedForm):
        return _solved(model, data, training, hooks or Hooks(), test=test)
    run = _TrainingRun(model, data, training, hooks or Hooks())
    run.resume()
    while run.goes_on():
        run.epoch()
    run.save()
    return run.result(test=test)


def _solved(model: ClosedForm, data: RecData, training: TrainOptions, hooks: Hooks, *, test: bool) -> Fitted:
    """Solve and rank; nothing is left to resume from, because a solution is whole or not there."""
    names = metric_names(training.ks)
    begun = hooks.clock()
    embeddings = model.solve()
    solved = hooks.clock()
    valid = means(ranked(embeddings, data.train, data.valid, training.ks), names)
    record: Epoch = {
        "epoch": 1,
        "seed": training.seed,
        "seconds_train": round(solved - begun, 4),
        "seconds_valid": round(hooks.clock() - solved, 4),
        **{f"valid_{name}": value for name, value in valid.items()},
    }
    hooks.on_epoch(record)
    hooks.report(
        Progress("train", 1, 1, unit="epochs", note=f"solved, valid {SELECTION} {valid[SELECTION]:.4f}")
    )
    tested = means(ranked(embeddings, data.train, data.test, training.ks), names) if test else {}
    return Fitted(1, [record], valid, tested, embeddings, {})


class _TrainingRun:
    """The state of one fit."""

    def __init__(self, model: Recommender, data: RecData, training: TrainOptions, hooks: Hooks) -> None:
        self.model, self.data, self.training, self.hooks = model, data, training, hooks
        self.batch_size = training.batch(len(data.train.items))
        self.sampler = Sampler.of(data.train)
        self.weights = model.weights
        self.optimizer = torch.optim.Adam(self.weights.parameters(), lr=training.learning_rate, fused=True)
        self.names = metric_names(training.ks)
        self.history: list[Epoch] = []
        self.best: dict[str, torch.Tensor] = {}
        self.saved_epochs, self.saved_at = 0, self.hooks.clock()

    def resume(self) -> None:
        """Take up where the checkpoint stands."""
        found = self.hooks.checkpoint.load() if self.hooks.checkpoint else None
        if found is None:
            return
        self.weights.load_state_dict(found.weights)
        self.optimizer.load_state_dict(found.optimizer)
        self.best, self.history = dict(found.best), found.history
        self.saved_epochs = len(self.history)
        for record in self.history:
            self.hooks.on_epoch(record)

    def evaluated(self) -> list[Epoch]:
        """The epochs that were evaluated."""
        return [record for record in self.history if f"valid_{SELECTION}" in record]

    def best_record(self) -> Epoch:
        """The best evaluated epoch; the earlier of two equals."""
        return max(self.evaluated(), key=_selected)

    def goes_on(self) -> bool:
        """Whether another epoch is due."""
        if len(self.history) >= self.training.epochs:
            return False
        evaluated = self.evaluated()
        if not evaluated:
            return True
        return len(evaluated) - 1 - evaluated.index(self.best_record()) < self.training.patience

    def epoch(self) -> None:
        """Train an epoch, evaluate when due, record, leave a checkpoint when due."""
        clock, number = self.hooks.clock, len(self.history) + 1
        begun = clock()
        record: Epoch = {"epoch": number, "seed": self.training.seed, **self._train(number)}
        record["seconds_train"] = round(clock() - begun, 4)
        last = number == self.training.epochs
        if number % self.training.evaluate_every == 0 or last:
            begun = clock()
            valid = self._means(self._embeddings(), self.data.valid)
            record["seconds_valid"] = round(clock() - begun, 4)
            record |= {f"valid_{name}": value for name, value in valid.items()}
        self.history.append(record)
        if f"valid_{SELECTION}" in record and self.best_record() is record:
            self.best = {name: value.clone() for name, value in self.weights.state_dict().items()}
        self.hooks.on_epoch(record)
        self.hooks.report(
            Progress(
                "train",
                number,
                self.training.epochs,
                unit="epochs",
                note=self.note(),
                likely=self.likely_epochs(),
            )
        )
        if number % self.training.checkpoint_every == 0 or clock() - self.saved_at > CHECKPOINT_SECONDS:
            self.save()

    def likely_epochs(self) -> int:
        """The epoch after which training stops if validation gets no better than it is by now."""
        best = int(str(self.best_record()["epoch"])) if self.evaluated() else self.training.evaluate_every
        return min(best + self.training.patience * self.training.evaluate_every, self.training.epochs)

    def note(self) -> str:
        """The loss with its parts, and where validation stands."""
        loss = {name: float(str(part)) for name, part in self.history[-1].items() if name.startswith("loss")}
        parts = ", ".join(
            f"{name.removeprefix('loss_')} {part:.3g}" for name, part in loss.items() if name != "loss"
        )
        text = f"loss {loss['loss']:.4g} ({parts})"
        if not self.evaluated():
            return text
        last, best = self.evaluated()[-1], self.best_record()
        return f"{text}, valid {SELECTION} {_selected(last):.4f}, best {_selected(best):.4f} in epoch {best['epoch']}"

    def _train(self, number: int) -> dict[str, Json]:
        generator = np.random.default_rng([self.training.seed, number])
        self.weights.train()
        self.model.begin_epoch(generator)
        for group in self.optimizer.param_groups:
            group["lr"] = self.training.learning_rate * self.training.decay ** ((number - 1) / 50)
        sums: dict[str, torch.Tensor] = {}
        for triples in self.sampler.epoch(self.batch_size, generator):
            parts = self.model.losses(triples.to(self.training.device))
            self.optimizer.zero_grad(set_to_none=True)
            torch.stack(list(parts.values())).sum().backward()
            self.optimizer.step()
            for name, part in parts.items():
                sums[name] = sums.get(name, 0) + part.detach()
        found = {name: float(value) for name, value in sums.items()}
        total = sum(found.values())
        if not math.isfinite(total):
            raise FeaturizerError(
                f"the loss of epoch {number} is {total} ({found}), expected a number; lower the learning rate"
            )
        return {"loss": total, **{f"loss_{name}": value for name, value in found.items()}}

    def _means(self, embeddings: Embeddings, positives: UserItems) -> dict[str, float]:
        return means(ranked(embeddings, self.data.train, positives, self.training.ks), self.names)

    def save(self) -> None:
        """Leave a checkpoint, if one is wanted and the last is not of this epoch."""
        if self.hooks.checkpoint is None or self.saved_epochs == len(self.history):
            return
        now = self.weights.state_dict()
        state = Checkpoint(now, self.optimizer.state_dict(), self.best, self.history)
        self.hooks.checkpoint.save(state)
        self.saved_epochs, self.saved_at = len(self.history), self.hooks.clock()

    def result(self, *, test: bool) -> Fitted:
        """Return to the best epoch and test it."""
        self.weights.load_state_dict(self.best)
        embeddings = self._embeddings()
        best = self.best_record()
        return Fitted(
            int(str(best["epoch"])),
            self.history,
            {name: float(str(best[f"valid_{name}"])) for name in self.names},
            self._means(embeddings, self.data.test) if test else {},
            embeddings,
            self.best,
        )

    def _embeddings(self) -> Embeddings:
        self.weights.eval()
        return self.model.embeddings()


def _selected(record: Epoch) -> float:
    return float(str(record[f"valid_{SELECTION}"]))
