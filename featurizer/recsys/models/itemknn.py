"""ItemKNN (Sarwar et al., 2001; Deshpande and Karypis, 2004): items that are near those a user has.

    score(u, i) = Σ over u's train items j of sim(j, i)·[i is among the k nearest of j, i ≠ j]

With B_i the users who trained on i and f_i its features,

    of interactions   sim(j, i) = |B_j ∩ B_i| / (√|B_j| √|B_i| + h)
    of content        sim(j, i) = cos(f_j, f_i), 0 where an item has no features
    of both           sim(j, i) = (1 − c) · the first + c · the second

This is the second paper's model of cosines, without its optional normalization of the k nearest. The shrinkage h is
that of Dacrema, Cremonesi and Jannach, "Are We Really Making Much Progress?" (RecSys 2019), which joins both sources by
laying columns end to end; here their similarities are averaged. A large h makes those of interactions small, a
hundredth or less, so the share that serves is small with it. Similarities that agree to 9 decimals are equal, equal
ones come in the items' order, and one that is not positive makes no neighbor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from featurizer.config import Config
from featurizer.lazy import lazy
from featurizer.papers import Paper
from featurizer.recsys.options import Nearest, Shrinkage, TrainOptions
from featurizer.recsys.recommender import Embeddings
from featurizer.recsys.spec import Preset, RecommenderSpec

if TYPE_CHECKING:
    import numpy as np
    import torch
    from scipy import sparse

    from featurizer.ranking import item_knn, neighbors, rank, ranks
    from featurizer.recsys.data import RecData
else:
    np = lazy("numpy")
    torch = lazy("torch")
    item_knn = lazy("featurizer.ranking.item_knn")
    neighbors = lazy("featurizer.ranking.neighbors")
    rank = lazy("featurizer.ranking.rank")
    ranks = lazy("featurizer.ranking.ranks")

BLOCK = 1 << 23
"""Similarities in memory at once."""


class ItemKnnOptions(Config):
    """Of similarities between interactions; what they are where none is given was found on Baby's validation items."""

    nearest: Nearest = 1000
    shrinkage: Shrinkage = 1000.0


class ContentKnnOptions(Config):
    """Of similarities between features; found likewise."""

    nearest: Nearest = 10


class JointKnnOptions(Config):
    """Of both; found likewise."""

    nearest: Nearest = 1000
    shrinkage: Shrinkage = 1000.0
    content_share: Annotated[float, Field(ge=0, le=1)] = 0.001
    """Share that the features have in an item's similarity with another, c; the interactions have the rest."""


@dataclass(frozen=True, slots=True)
class ItemKnn:
    """The k nearest of each item, by interactions, content or both.

    Attributes:
        data: what it is made of.
        nearest: k.
        shrinkage: h.
        content_share: c.
        device: where features are multiplied.
    """

    data: RecData
    nearest: int
    shrinkage: float
    content_share: float
    device: str

    def solve(self) -> Embeddings:
        """Return (u, n) users, a 1 at each train item, and (n, n) items: of each, its similarity with others."""
        n, k = self.data.n_items, min(self.nearest, self.data.n_items)
        history = ranks.train_matrix(self.data.train)
        units = torch.from_numpy(self.data.features).to(self.device).double()
        units = torch.nn.functional.normalize(units, dim=1)
        size = max(1, BLOCK // n)
        found, values = np.full((n, k), -1), np.zeros((n, k))
        for start in range(0, n, size):
            rows = slice(start, min(start + size, n))
            similar = torch.from_numpy(self._similarities(history, units, rows).round(neighbors.DECIMALS))
            similar[torch.arange(rows.stop - start), torch.arange(start, rows.stop)] = 0
            similar[similar <= 0] = -torch.inf
            best = rank.top_items(similar, k)
            found[rows, : best.shape[1]] = best.numpy()
            values[rows, : best.shape[1]] = similar.gather(1, best.clamp(min=0)).numpy()
        nearest = item_knn.similarity_matrix(found, values).astype(np.float32)
        return Embeddings(history.astype(np.float32), nearest.T.tocsr())

    def _similarities(self, history: sparse.csr_array, units: torch.Tensor, rows: slice) -> np.ndarray:
        """Return (b, n) float64."""
        similar = np.zeros((rows.stop - rows.start, self.data.n_items))
        if self.content_share < 1:
            lengths = np.sqrt(self.data.train.popularity())
            bottom = lengths[rows, None] * lengths + self.shrinkage
            shared = (history[:, rows].T @ history).toarray()
            similar += (1 - self.content_share) * shared / np.where(bottom > 0, bottom, 1)
        if self.content_share > 0:
            similar += self.content_share * (units[rows] @ units.T).cpu().numpy()
        return similar


def of_interactions(
    data: RecData, options: ItemKnnOptions, *, batch_size: int, seed: int, device: str
) -> ItemKnn:
    """Return ItemKNN of interactions."""
    return ItemKnn(data, options.nearest, options.shrinkage, 0.0, device)


def of_content(
    data: RecData, options: ContentKnnOptions, *, batch_size: int, seed: int, device: str
) -> ItemKnn:
    """Return ItemKNN of content."""
    return ItemKnn(data, options.nearest, 0.0, 1.0, device)


def of_both(data: RecData, options: JointKnnOptions, *, batch_size: int, seed: int, device: str) -> ItemKnn:
    """Return ItemKNN of both."""
    return ItemKnn(data, options.nearest, options.shrinkage, options.content_share, device)


NEAREST = (10, 20, 50, 100, 200, 500, 1000)
SHRINKAGES = (0, 10, 30, 100, 300, 1000)
PAPER = Paper(
    "deshpande2004itembased",
    "Item-Based Top-N Recommendation Algorithms",
    "Deshpande, Mukund and Karypis, George",
    2004,
    "ACM Transactions on Information Systems",
)

ITEMKNN = RecommenderSpec(
    name="itemknn",
    options=ItemKnnOptions,
    builder=of_interactions,
    presets={"default": Preset(ItemKnnOptions(), TrainOptions())},
    grid={"nearest": NEAREST, "shrinkage": SHRINKAGES},
    paper=PAPER,
    needs_features=False,
    closed_form=True,
)
CONTENT = RecommenderSpec(
    name="itemknn-content",
    options=ContentKnnOptions,
    builder=of_content,
    presets={"default": Preset(ContentKnnOptions(), TrainOptions())},
    grid={"nearest": NEAREST},
    paper=PAPER,
    closed_form=True,
)
JOINT = RecommenderSpec(
    name="itemknn-joint",
    options=JointKnnOptions,
    builder=of_both,
    presets={"default": Preset(JointKnnOptions(), TrainOptions())},
    grid={"nearest": NEAREST, "shrinkage": SHRINKAGES, "content_share": (0.0001, 0.001, 0.01, 0.1, 0.5)},
    paper=PAPER,
    closed_form=True,
)
