"""Mask-then-predict training: AdamW, warm-up, cosine decay; chosen on held-out items; resumable to the step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NoReturn

import numpy as np
import torch
from torch import nn

from featurizer.errors import FeaturizerError
from featurizer.ica.batch import Batch
from featurizer.ica.batches import StepBatch, read_step, save_broken
from featurizer.ica.contrastive import contrastive_loss
from featurizer.ica.masking import Masks
from featurizer.ica.model import States
from featurizer.ica.objective import hidden_of, latent_loss, predict, weights
from featurizer.ica.recall import Shoppers, masked_recall
from featurizer.ica.retrieval import joins_of, self_retrieval, teacher
from featurizer.ica.setup import TrainingSetup
from featurizer.ica.text_states import encode_text
from featurizer.progress import Progress
from featurizer.records import Json
from featurizer.training.checkpoint import Checkpoint
from featurizer.training.distributed import DistributedContext
from featurizer.training.hooks import Hooks

VALID_BATCH = 64
OTHERS = 8192
"""Train items, at most, that the latent part tells an item's parts from, beside those of its batch."""
OVERLAP = 0.9
"""Share of the neighbors of an item that lacks nothing which training may not go below."""
BROKEN = "broken"
"""Folder of the batches at which training stopped."""


def losses(
    job: TrainingSetup, items: Batch, masks: Masks, joins: torch.Tensor, first: int = 0
) -> dict[str, torch.Tensor]:
    """Return each part's loss over what is hidden of `items`, summed.

    Args:
        job: what is trained.
        items: b items of a batch.
        masks: of them.
        joins: (m, e + f) of the whole batch, each item seen whole, then of any others: what the latent part tells an
            item's from.
        first: the place of the first of the b items in the batch.
    """
    states = job.model(
        items, encode_text(job.encoder, items, masks), masks, recompute=job.options.training.recompute
    )
    hidden = hidden_of(items.words, masks, job.source.image_spec.prefix)
    objective = job.options.objective
    parts = weights(objective)
    found = predict(job.model, job.heads, items, states, hidden, objective.image_target, parts)
    summed = {name: prediction.loss() for name, prediction in found.items()}
    if "latent" in parts:
        summed["latent"] = _latent(job, states, (hidden.pooled_image, hidden.pooled_text), joins, first)
    return summed


def _latent(
    job: TrainingSetup,
    states: States,
    hidden: tuple[torch.Tensor, torch.Tensor],
    joins: torch.Tensor,
    first: int,
) -> torch.Tensor:
    """Return the latent loss over both parts of the join, each where it is masked or hidden."""
    total = joins.new_zeros(())
    dims, temperature = job.model.start.dims, job.options.objective.temperature
    parts = zip(job.model.completed(states).split(dims, dim=1), joins.split(dims, dim=1), hidden, strict=True)
    for found, true, rows in parts:
        known = true.any(dim=1)
        place = (known.cumsum(dim=0) - 1)[first : first + len(rows)]
        chosen = rows & known[first : first + len(rows)]
        total = total + latent_loss(found[chosen], place[chosen], true[known], temperature)
    return total


def fit(
    job: TrainingSetup, hooks: Hooks | None = None, shoppers: Shoppers | None = None
) -> list[dict[str, Json]]:
    """Train until the held-out items gain no more by it; the model is left with the weights of the best epoch.

    Args:
        job: what is trained on what.
        hooks: who is told, and where checkpoints go.
        shoppers: whose validation recall chooses the epoch of a completed join; None for self-retrieval.

    Returns:
        One record an epoch, that of the start (0) first: `epoch, learning_rate, seconds_train, seconds_valid, loss,
        valid_loss`, what the epoch is chosen by (`merit`), and each part's mean, `word`, `valid_word`, ….

    Raises:
        FeaturizerError: a loss or the gradient is not a number; the batch is saved beside the checkpoint.
        InputError: the checkpoint is damaged or of another run.
    """
    run = _PretrainingRun(job, hooks or Hooks(), shoppers)
    run.resume()
    if not run.history:
        run.begin()
    while run.goes_on():
        run.epoch()
    run.finish()
    return run.history


def merit(valid_loss: float, use: Mapping[str, float]) -> float:
    """Return what an epoch is chosen by, the greater the better.

    Where the join is completed: validation recall if it was measured, else how near held-out items come to their own
    from either modality alone; if items that lack nothing keep `OVERLAP` of their neighbors. Of the paper's objective:
    the validation loss.
    """
    if not use:
        return -valid_loss
    nearness = (use["nearness_image"] + use["nearness_text"]) / 2
    return use.get("valid_recall@20", nearness) if use["overlap"] >= OVERLAP else -1.0


def best_epoch(history: Sequence[Mapping[str, Json]]) -> int:
    """Return the first of the best epochs; 0 is the start."""
    return max(range(len(history)), key=lambda epoch: float(str(history[epoch]["merit"])))


class _PretrainingRun:
    """The state of one fit."""

    def __init__(self, job: TrainingSetup, hooks: Hooks, shoppers: Shoppers | None = None) -> None:
        self.job, self.hooks, self.training = job, hooks, job.options.training
        self.shoppers = shoppers
        self.whole = nn.ModuleDict({"model": job.model, "heads": job.heads}).to(job.device)
        self.world = job.context
        self.world.copy_first_(self.whole.state_dict().values())
        self.weights = weights(job.options.objective)
        matrices = [value for value in self.whole.parameters() if value.ndim > 1]
        others = [value for value in self.whole.parameters() if value.ndim <= 1]
        decayed = {"params": matrices, "weight_decay": self.training.weight_decay}
        self.optimizer = torch.optim.AdamW([decayed, {"params": others, "weight_decay": 0.0}], lr=0.0)
        self.batch = self.training.batch_size * self.world.size
        self.epoch_steps = max(len(job.train) // self.batch, 1)
        self.step = 0
        self.others: torch.Tensor | None = None
        self.other_rows = np.zeros(0, np.int64)
        self.history: list[dict[str, Json]] = []
        self.average: dict[str, torch.Tensor] = {}
        if self.training.ema:
            self.average = {name: value.clone() for name, value in self.whole.state_dict().items()}
        self.best: dict[str, torch.Tensor] = {}
        self.sums: dict[str, tuple[float, int]] = {}
        self.seconds, self.begun, self.saved = 0.0, hooks.clock(), hooks.clock()

    def goes_on(self) -> bool:
        """Say whether another epoch is due."""
        done = len(self.history) - 1
        return done < self.training.epochs and done - best_epoch(self.history) < self.training.patience

    def begin(self) -> None:
        """Measure the start: epoch 0, which any other has to beat."""
        self._close(0)

    def epoch(self) -> None:
        """Run what is left of one epoch, then validate."""
        number = len(self.history) - 1
        order = np.random.default_rng([self.training.seed, 1, number]).permutation(self.job.train)
        steps = range(self.step - number * self.epoch_steps, self.epoch_steps)
        self.begun = self.hooks.clock()
        self.whole.train()
        with ThreadPoolExecutor(1, "read") as ahead:
            pending: Future[StepBatch] | None = None
            for step in steps:
                part = pending.result() if pending else self._read(order, number, step)
                if step + 1 < self.epoch_steps:
                    pending = ahead.submit(self._read, order, number, step + 1)
                self._learn(part)
                self._report(number, step)
        self._close(number + 1)

    def _read(self, order: np.ndarray, epoch: int, step: int) -> StepBatch:
        rows = order[step * self.batch : (step + 1) * self.batch].tolist()
        return read_step(self.job, rows, [self.training.seed, 2, epoch, step], self.world)

    def _learn(self, part: StepBatch) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate()
        self.optimizer.zero_grad(set_to_none=False)
        sums = dict.fromkeys(self.weights, 0.0)
        size = -(-len(part.items.ids) // self.training.accumulate)
        joins = torch.cat([teacher(self.job, part.items), self._others(part.rows)])
        for start in range(0, len(part.items.ids), size):
            rows = slice(start, start + size)
            items, masks = part.items.rows(rows), part.masks.rows(rows)
            with self._autocast():
                found = losses(self.job, items, masks, joins, start)
                total = torch.stack(
                    [self.weights[name] * found[name] / max(part.counts[name], 1) for name in self.weights]
                ).sum()
                if self.job.contrastive is not None:
                    rng = np.random.default_rng([self.training.seed, 4, self.step, self.world.rank, start])
                    share = len(items.ids) / part.size
                    terms = self.job.contrastive, part.rows[rows], items, rng
                    total = total + share * contrastive_loss(self.job, *terms)
            if not torch.isfinite(total):
                self._stop("the loss", part)
            total.backward()
            for name in self.weights:
                sums[name] += float(found[name].detach())
        self.world.sum_(value.grad for value in self.whole.parameters() if value.grad is not None)
        norm = nn.utils.clip_grad_norm_(self.whole.parameters(), self.training.clip)
        if not torch.isfinite(norm):
            self._stop("the gradient", part)
        self.optimizer.step()
        self.step += 1
        self._count(self.world.total(sums, self.job.device), part.counts)
        for name, value in self.whole.state_dict().items() if self.average else ():
            if value.is_floating_point():
                self.average[name].lerp_(value, 1 - self.training.ema)

    def _others(self, rows: Sequence[int]) -> torch.Tensor:
        """Return the joins of train items that are not in `rows`."""
        if self.others is None:
            drawn = np.random.default_rng([self.training.seed, 6]).permutation(self.job.train)
            self.other_rows = np.sort(drawn[: OTHERS if "latent" in self.weights else 0])
            self.others = joins_of(self.job, self.other_rows.tolist())
        return self.others[torch.from_numpy(~np.isin(self.other_rows, rows)).to(self.others.device)]

    def _count(self, sums: dict[str, float], counts: dict[str, int]) -> None:
        for name in self.weights:
            before, number = self.sums.get(name, (0.0, 0))
            self.sums[name] = before + sums[name], number + counts[name]

    def learning_rate(self) -> float:
        """Return the rate of the next step: up a line during the warm-up, then down a cosine to 0."""
        total = self.training.epochs * self.epoch_steps
        warm = max(round(self.training.warmup * total), 1)
        if self.step < warm:
            return self.training.learning_rate * (self.step + 1) / warm
        done = (self.step - warm) / max(total - warm, 1)
        return self.training.learning_rate * (1 + math.cos(math.pi * min(done, 1.0))) / 2

    def _autocast(self) -> torch.autocast:
        enabled = self.training.precision == "bfloat16"
        return torch.autocast(self.job.device.split(":")[0], torch.bfloat16, enabled=enabled)

    def _report(self, epoch: int, step: int) -> None:
        if self.world.is_first:
            name, note = f"epoch {epoch + 1} of {self.training.epochs}", f"loss {self._mean(self.sums):.3f}"
            done, total = (step + 1) * self.batch, self.epoch_steps * self.batch
            self.hooks.report(Progress(name, done, total, note=note))
        if self.hooks.clock() - self.saved > 60 * self.training.checkpoint_minutes:
            self.save()

    def _mean(self, sums: dict[str, tuple[float, int]]) -> float:
        return sum(self.weights[name] * total / max(count, 1) for name, (total, count) in sums.items())

    def _close(self, epoch: int) -> None:
        train = self.sums
        seconds = self.seconds + self.hooks.clock() - self.begun
        start = self.hooks.clock()
        valid, use = self._validate()
        loss = self._mean(valid)
        if not math.isfinite(loss):
            self._stop("the validation loss", None)
        record: dict[str, Json] = {
            "epoch": epoch,
            "learning_rate": self.learning_rate() if epoch else 0.0,
            "seconds_train": round(seconds, 3),
            "seconds_valid": round(self.hooks.clock() - start, 3),
            "loss": self._mean(train) if epoch else None,
            "valid_loss": loss,
            **use,
            "merit": merit(loss, use),
            **{name: total / max(count, 1) for name, (total, count) in train.items()},
            **{f"valid_{name}": total / max(count, 1) for name, (total, count) in valid.items()},
        }
        self.history.append(record)
        if best_epoch(self.history) == epoch:
            self.best = {name: value.cpu().clone() for name, value in self._current().items()}
        self.sums, self.seconds, self.begun = {}, 0.0, self.hooks.clock()
        if self.world.is_first:
            self.hooks.on_epoch(record)
        self.save()

    def _current(self) -> dict[str, torch.Tensor]:
        return self.average or self.whole.state_dict()

    @torch.no_grad()
    def _validate(self) -> tuple[dict[str, tuple[float, int]], dict[str, float]]:
        """Return each part's loss over the held-out items, under the same masks every time, and their use."""
        kept = (
            {name: value.clone() for name, value in self.whole.state_dict().items()} if self.average else {}
        )
        if kept:
            self.whole.load_state_dict(self.average)
        self.whole.eval()
        totals = dict.fromkeys(self.weights, (0.0, 0))
        for start in range(0, len(self.job.valid), VALID_BATCH):
            rows = self.job.valid[start : start + VALID_BATCH]
            part = read_step(self.job, rows, [self.training.seed, 3, start], DistributedContext())
            with self._autocast():
                found = losses(self.job, part.items, part.masks, teacher(self.job, part.items))
            for name in self.weights:
                before, count = totals[name]
                totals[name] = before + float(found[name]), count + part.counts[name]
        use = {} if self.job.model.residual is None else self_retrieval(self.job, self.job.valid)
        if use and self.shoppers is not None:
            use["valid_recall@20"] = masked_recall(self.job, self.shoppers)
        if kept:
            self.whole.load_state_dict(kept)
        return totals, use

    def _stop(self, what: str, part: StepBatch | None) -> NoReturn:
        where = ""
        if self.hooks.checkpoint is not None and part is not None:
            path = self.hooks.checkpoint.path.parent / BROKEN / f"batch-{self.world.rank}.pt"
            save_broken(part, self.step, path)
            where = f"; the batch is saved in {path}"
        raise FeaturizerError(
            f"{what} is not a number at step {self.step + 1}{where}. Expected a finite one: lower the learning rate, "
            "or look for tokens that are not finite. The last checkpoint is kept."
        )

    def save(self) -> None:
        """Leave a checkpoint, if one is wanted; the first process does it for all."""
        self.saved = self.hooks.clock()
        if self.hooks.checkpoint is None or not self.world.is_first:
            return
        state = Checkpoint(
            self.whole.state_dict(),
            self.optimizer.state_dict(),
            self.best,
            self.history,
            self.step,
            self.average,
            self.sums,
            self.seconds + self.hooks.clock() - self.begun if self.sums else 0.0,
        )
        self.hooks.checkpoint.save(state)

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one."""
        found = self.hooks.checkpoint.load() if self.hooks.checkpoint else None
        if found is None:
            return
        self.whole.load_state_dict(found.weights)
        self.optimizer.load_state_dict(found.optimizer)
        self.step, self.best = found.step, dict(found.best)
        self.average = {name: value.to(self.job.device) for name, value in found.average.items()}
        self.sums, self.history, self.seconds = dict(found.sums), found.history, found.seconds
        if self.world.is_first:
            for record in self.history:
                self.hooks.on_epoch(record)

    def finish(self) -> None:
        """Leave the model with its best weights."""
        self.whole.load_state_dict(self.best)
        self.whole.eval()
