"""A trained recommender, opened: its figures, its vectors, and what it recommends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from featurizer.errors import InputError
from featurizer.results.manifests.recommender import RecommenderManifest, read_recommender_manifest
from featurizer.results.names import ITEMS, MODEL, USERS

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Model:
    """A folder that `train` made: `model/`, `users.parquet`, `items.parquet`.

    Attributes:
        folder: where it lies.
        summary: its manifest: name, best epoch, figures on validation and test, each seed's.
    """

    folder: Path
    summary: RecommenderManifest

    @classmethod
    def open(cls, folder: str | Path) -> Model:
        """Open a trained model; its weights are not read.

        Raises:
            InputError: there is none, or it is not finished.
        """
        path = Path(folder) / "model" / MODEL
        if not path.is_file():
            raise InputError(
                f"{folder} holds no finished model; expected a folder that 'featurizer train' wrote"
            )
        return cls(Path(folder), read_recommender_manifest(path))

    @property
    def name(self) -> str:
        """Which recommender."""
        return self.summary.model

    def recommend(self, users: str | Sequence[str], k: int = 20) -> pl.DataFrame:
        """Return each user's k best items without those they trained on: user_id, rank from 1, item_id, score.

        Raises:
            UnknownName: no such user.
            InputError: a user has no train items.
        """
        import polars as pl

        from featurizer.recsys.recommend import recommend

        asked = [users] if isinstance(users, str) else list(users)
        rows = [
            (user, rank, one.item_id, one.score)
            for user in asked
            for rank, one in enumerate(recommend(self.folder, user, k), 1)
        ]
        schema = {"user_id": pl.String, "rank": pl.Int64, "item_id": pl.String, "score": pl.Float64}
        return pl.DataFrame(rows, schema=schema, orient="row")

    def items(self) -> pl.DataFrame:
        """Return item_id and `embedding` (d float32): a score is the dot product with a user's."""
        import polars as pl

        return pl.read_parquet(self.folder / ITEMS)

    def users(self) -> pl.DataFrame:
        """Return user_id, `embedding` and the ids of the items that each trained on."""
        import polars as pl

        return pl.read_parquet(self.folder / USERS)

    def to_polars(self) -> pl.DataFrame:
        """Return the figures: metric, valid, test; of the kept seed."""
        import polars as pl

        valid, test = self.summary.valid, self.summary.test
        return pl.DataFrame(
            {"metric": list(valid), "valid": list(valid.values()), "test": [*map(test.get, valid)]}
        )

    def __repr__(self) -> str:
        figures = ", ".join(
            f"{name} {value:.4f}" for name, value in self.summary.test.items() if name.endswith("@20")
        )
        return f"Model({self.name} in {self.folder}: test {figures})"

    def _repr_html_(self) -> str:
        return f"<p>{self!r}</p>{self.to_polars()._repr_html_()}"
