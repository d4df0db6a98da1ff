"""What stands in for a modality that an item lacks, without training: guessed from the one that it has.

Both modalities are blocks of the join: centered, of length 1. A guess is as long as inner folds say that it is right
(`choose_fill`): a short one says that little is known, and weighs little in a cosine.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from featurizer.alignment.ridge import Ridge

FillName: TypeAlias = Literal["zero", "neighbors", "hops", "pagerank", "ridge"]
FILLS: tuple[FillName, ...] = get_args(FillName)

K = 10
"""Nearest among which an item is to be found."""
NEIGHBORS = 10
"""Nearest items that a guess is the mean of."""
RESTART = 0.3
"""Share of an item's own block that each round of `pagerank` keeps."""
ROUNDS = 10
"""Rounds of `pagerank`: what is left out is below (1 − RESTART)^ROUNDS."""
RIDGES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Strengths of `ridge`, as shares of the mean variance of an axis."""
FOLDS = 3
KEPT = 2048
"""Items, at most, that a model keeps to find neighbors among."""


class Fill(nn.Module):
    """A fitted fill: (b, d) known blocks, zero where there is none, to (b, m) guesses.

    Attributes:
        kind: which.
        keys: (r, d) known blocks of the items it was fitted on; none of `zero` and `ridge`.
        values: (r, m) what each of them gives; of `ridge` the (d, m) map; none of `zero`.
    """

    keys: torch.Tensor
    values: torch.Tensor

    def __init__(self, kind: FillName, keys: torch.Tensor, values: torch.Tensor, missing: int) -> None:
        super().__init__()
        self.kind, self.missing = kind, missing
        self.register_buffer("keys", keys)
        self.register_buffer("values", values)

    @classmethod
    def shaped(cls, kind: FillName, known: int, missing: int, rows: int = 0) -> Fill:
        """Return one of the right shapes, to load what was fitted into."""
        kept = rows if kind not in ("zero", "ridge") else 0
        values = {"zero": 0, "ridge": known}.get(kind, rows)
        return cls(kind, torch.zeros(kept, known), torch.zeros(values, missing), missing)

    def scaled(self, factor: float) -> Fill:
        """Return one whose guesses are `factor` times as long."""
        return Fill(self.kind, self.keys, factor * self.values, self.missing)

    def forward(self, known: torch.Tensor) -> torch.Tensor:
        """Return the guesses."""
        if self.kind == "zero":
            return known.new_zeros(len(known), self.missing)
        if self.kind == "ridge":
            return known @ self.values
        return neighbor_weights(known, self.keys) @ self.values


def neighbor_weights(queries: torch.Tensor, keys: torch.Tensor, *, itself: bool = False) -> torch.Tensor:
    """Return (q, r) weights: the cosines of the `NEIGHBORS` nearest keys, negative ones as 0, adding up to 1.

    Args:
        queries: (q, d), of length 1 or zero.
        keys: (r, d), likewise.
        itself: the queries are the keys, and no item is its own neighbor.
    """
    cosines = queries @ keys.T
    if itself:
        cosines.fill_diagonal_(0.0)
    best = cosines.clamp(min=0).topk(min(NEIGHBORS, len(keys)), dim=1)
    weights = torch.zeros_like(cosines).scatter_(1, best.indices, best.values)
    return functional.normalize(weights, p=1, dim=1)


def own_ranks(guesses: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Return at which place, from 0, each row of `guesses` (n, d) has its own row of `true` (n, d), by cosine.

    One that is as near as its own counts as nearer, so that a guess of zeros finds nothing.
    """
    cosines = functional.normalize(guesses, dim=1) @ functional.normalize(true, dim=1).T
    return (cosines >= cosines.diagonal()[:, None]).sum(dim=1) - 1


def found(guesses: torch.Tensor, true: torch.Tensor) -> float:
    """Return the share of guesses (n, d) that have their own row of `true` (n, d) among the `K` nearest."""
    return float((own_ranks(guesses, true) < K).float().mean()) if len(true) else 0.0


def nearness(guesses: torch.Tensor, true: torch.Tensor) -> float:
    """Return the mean of 1 / (1 + rank) of each guess's own row of `true`: no guess is ever too good to gain."""
    return float((1 / (1 + own_ranks(guesses, true))).mean()) if len(true) else 0.0


def fit_fills(known: torch.Tensor, missing: torch.Tensor, kept: int = KEPT) -> dict[str, Fill]:
    """Fit every fill, by its name; `ridge` in each of its strengths.

    With P the neighbor weights of the items among themselves and V their blocks, a guess is the neighbors' mean of
    V (`neighbors`), of P V (`hops`), or of α Σ_j (1 − α)^j P^j V with α = `RESTART` (`pagerank`); or x W (`ridge`).

    Args:
        known: (n, d) blocks of the modality that is there, of items that have both.
        missing: (n, m) blocks of the other.
        kept: items, at most, that neighbors are found among, drawn.
    """
    none, width = known.new_zeros(0, known.shape[1]), missing.shape[1]
    drawn = np.sort(np.random.default_rng(9).permutation(len(known))[:kept])
    keys, values = (blocks[torch.from_numpy(drawn)] for blocks in (known, missing))
    among = neighbor_weights(keys, keys, itself=True)
    spread = values
    for _ in range(ROUNDS):
        spread = RESTART * values + (1 - RESTART) * among @ spread
    x, y = known.double().numpy(), missing.double().numpy()
    ridge = Ridge.of(x.T @ x, x.T @ y)
    maps = {f"ridge {strength:g}": ridge.solve(strength, width) for strength in RIDGES}
    return {
        "zero": Fill("zero", none, missing.new_zeros(0, width), width),
        "neighbors": Fill("neighbors", keys, values, width),
        "hops": Fill("hops", keys, among @ values, width),
        "pagerank": Fill("pagerank", keys, spread, width),
        **{name: Fill("ridge", none, torch.from_numpy(map_).float(), width) for name, map_ in maps.items()},
    }


def choose_fill(known: torch.Tensor, missing: torch.Tensor, seed: int) -> tuple[str, Fill, dict[str, float]]:
    """Fit the fill whose guesses come nearest to the true blocks on inner folds, and scale it to its best length.

    Near is by rank (`nearness`). With g the guesses of items held out and y their true blocks, the best length is
    Σ ⟨g, y⟩ / Σ ‖g‖² times what was fitted: it minimizes Σ ‖s g − y‖², and no guess is longer than it is right. A fill
    for which that is not above 0 is left out: where one modality says nothing of the other, nothing is guessed.

    Args:
        known: (n, d), as in `fit_fills`.
        missing: (n, m).
        seed: of the folds.

    Returns:
        The name; the fill, fitted on all n and scaled; and the nearness of each by name. `zero` of too few items to
        fold.
    """
    part = torch.from_numpy(np.random.default_rng([seed, 7]).permutation(len(known)) % FOLDS)
    near: dict[str, float] = {"zero": 0.0}
    right: dict[str, float] = {"zero": 0.0}
    length: dict[str, float] = {"zero": 0.0}
    for fold in range(FOLDS if len(known) >= 2 * FOLDS else 0):
        held = part == fold
        for name, fill in fit_fills(known[~held], missing[~held]).items():
            guess = fill(known[held])
            near[name] = near.get(name, 0.0) + nearness(guess, missing[held]) / FOLDS
            right[name] = right.get(name, 0.0) + float((guess * missing[held]).sum())
            length[name] = length.get(name, 0.0) + float(guess.square().sum())
    best = max(near, key=lambda name: near[name] if right[name] > 0 else 0.0)
    fill = fit_fills(known, missing)[best]
    return best, fill.scaled(right[best] / length[best]) if length[best] else fill, near
