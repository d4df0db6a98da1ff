"""A leaderboard, opened: every figure of a scoring, and the table that a person reads."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from featurizer.records import Json
from featurizer.results.names import SCORES
from featurizer.results.spelling import read_manifest
from featurizer.scoring.document import Scores, parse_scores
from featurizer.scoring.leaderboard import LeaderboardTable, leaderboard

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """A folder that `score-features` made.

    Attributes:
        folder: where `scores.json` lies.
        document: that file.
    """

    folder: Path
    document: dict[str, Json]

    @classmethod
    def open(cls, folder: str | Path) -> Leaderboard:
        """Open a folder of scores.

        Raises:
            InputError: there are none, or the file is damaged.
        """
        return cls(Path(folder), read_manifest(Path(folder) / SCORES))

    @property
    def scores(self) -> Scores:
        """Every figure and every comparison, typed."""
        return parse_scores(self.document)

    @property
    def table(self) -> LeaderboardTable:
        """The headline figures, a row a space, the best first."""
        found = self.scores
        return leaderboard(found.scores, found.origins)

    def to_polars(self) -> pl.DataFrame:
        """Return every figure, a row each: feature set, space, transform, metric, split, k, value, interval, …."""
        import polars as pl

        return pl.DataFrame([asdict(row) for row in self.scores.scores], infer_schema_length=None)

    def __repr__(self) -> str:
        header, rows = self.table.shown
        best = (
            ", ".join(f"{name} {cell}" for name, cell in zip(header, rows[0], strict=True))
            if rows
            else "no rows"
        )
        return f"Leaderboard({self.folder}: {len(rows)} rows; best: {best})"

    def _repr_html_(self) -> str:
        from html import escape

        header, rows = self.table.shown
        head = "".join(f"<th>{escape(name)}</th>" for name in header)
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
        return f"<table><tr>{head}</tr>{body}</table>"
