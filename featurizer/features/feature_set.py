"""A finished feature set, opened for reading: shards, spaces and provenance."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from featurizer.errors import InputError, UnknownName
from featurizer.features.schema import arrow_to_vectors
from featurizer.features.supervised import SUPERVISED
from featurizer.results.manifests.feature_set import (
    FeatureSetManifest,
    SpaceProvenance,
    read_feature_set_manifest,
)
from featurizer.results.names import CARD, CROISSANT, EXAMPLES, FEATURE_SET, SCORES, SCORES_PLOT
from featurizer.results.store_path import opened, place

if TYPE_CHECKING:
    import polars as pl

    from featurizer.features.space import Space

FORMAT_VERSION = 1
OWNED = (
    "data",
    ".shards",
    CARD,
    SCORES,
    SCORES_PLOT,
    EXAMPLES,
    CROISSANT,
    SUPERVISED,
)
"""What the stages of a feature set write beside its manifest."""
SHARD = re.compile(r"data/train-\d{5}-of-\d{5}\.parquet")


def shard_name(index: int, total: int) -> str:
    """Return a shard's path in the folder, as the Hub names them."""
    return f"data/train-{index:05d}-of-{total:05d}.parquet"


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """The folder format: `data/train-*.parquet`, `feature_set.json`, `README.md`."""

    folder: Path
    manifest: FeatureSetManifest

    @classmethod
    def open(cls, folder: str | Path) -> FeatureSet:
        """Open a feature set folder.

        Raises:
            InputError: no such folder, or no `feature_set.json` in it.
        """
        folder = place(folder)
        if not folder.is_dir():
            raise InputError(f"{folder} is no folder; expected a feature set made by 'featurizer extract'")
        if not (folder / FEATURE_SET).exists():
            begun = (folder / "data").is_dir()
            cure = (
                "run the same 'featurizer extract' again to finish it"
                if begun
                else "make one with 'featurizer extract'"
            )
            raise InputError(f"{folder} holds no {FEATURE_SET}; expected a finished feature set: {cure}")
        return cls(folder, read_feature_set_manifest(folder / FEATURE_SET))

    @property
    def rows(self) -> int:
        """Number of items."""
        return self.manifest.rows

    @property
    def spaces(self) -> Mapping[str, SpaceProvenance]:
        """Each space's provenance, by name."""
        return self.manifest.spaces

    @property
    def shards(self) -> tuple[Path, ...]:
        """The shard files, in row order."""
        paths = [shard.path for shard in self.manifest.shards]
        for path in paths:
            if not SHARD.fullmatch(path):
                raise InputError(
                    f"{self.folder / FEATURE_SET} lists the shard '{path}'; expected data/train-….parquet"
                )
        return tuple(self.folder / path for path in paths)

    def check_space(self, name: str) -> str:
        """Return `name`, or raise `UnknownName` with the spaces there are."""
        if name not in self.spaces:
            raise UnknownName(
                "space", name, self.spaces, advice=f"{self.folder} has: {', '.join(self.spaces)}."
            )
        return name

    def tables(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield the chosen columns shard by shard; one shard is in memory at a time.

        Raises:
            InputError: a shard is missing or cannot be read.
        """
        for index in range(len(self.manifest.shards)):
            yield self.shard(index, columns)

    def shard(self, index: int, columns: Sequence[str]) -> pa.Table:
        """Return the chosen columns of one shard.

        Raises:
            InputError: it is missing or cannot be read.
        """
        path = self.shards[index]
        try:
            with opened(path) as file:
                return pq.read_table(file, columns=list(columns))
        except FileNotFoundError:
            raise InputError(
                f"{path} is missing, though {FEATURE_SET} lists it. Run the 'featurizer extract' that made it "
                "again with --overwrite, or fetch the set again."
            ) from None
        except (OSError, pa.ArrowInvalid, KeyError) as error:
            raise InputError(
                f"{path} cannot be read: {error}. 'featurizer verify {self.folder}' lists what is damaged; make or "
                "fetch the set again."
            ) from error

    def __getitem__(self, space: str) -> Space:
        """Return one space.

        Raises:
            UnknownName: there is none of that name.
        """
        from featurizer.features.space import Space

        return Space(self, self.check_space(space))

    def matrix(self, space: str) -> np.ndarray:
        """Return (n, d) float32 vectors of a space, or of several joined by `+`; a row of NaN where an item has none.

        Of a join each part is centered, then L2-normalized, and a missing part is a block of zeros.

        Raises:
            UnknownName: there is no such space.
        """
        from featurizer.features.join import join

        vectors, present = join([self.vectors(name) for name in space.split("+")])
        found = vectors.copy()
        found[~present] = np.nan
        return found

    def to_polars(self, spaces: Sequence[str] | None = None) -> pl.DataFrame:
        """Return the items as a frame: item_id, has_image, has_text, error, and a column a space.

        Args:
            spaces: only these; None for all.
        """
        import polars as pl

        chosen = list(self.spaces) if spaces is None else [self.check_space(name) for name in spaces]
        columns = ["item_id", "has_image", "has_text", "error", *chosen]
        return pl.concat([pl.DataFrame(table) for table in self.tables(columns)])

    def __repr__(self) -> str:
        spaces = ", ".join(f"{name} ({spec.dim})" for name, spec in self.spaces.items())
        return f"FeatureSet({self.folder}: {self.rows:,} items; {spaces})"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{spec.modality}</td><td>{spec.dim}</td><td>{spec.null}</td>"
            f"<td>{escape(str(spec.model))}</td></tr>"
            for name, spec in self.spaces.items()
        )
        head = "<tr><th>space</th><th>reads</th><th>dim</th><th>null</th><th>model</th></tr>"
        return f"<p>{escape(str(self.folder))}: {self.rows:,} items</p><table>{head}{rows}</table>"

    def item_ids(self) -> list[str]:
        """Return every item's id, in row order."""
        return [item for table in self.tables(["item_id"]) for item in table.column("item_id").to_pylist()]

    def vectors(self, space: str) -> tuple[np.ndarray, np.ndarray]:
        """Read one space whole: ((n items, d dim) float32, zeros where null; (n,) bool, not null)."""
        self.check_space(space)
        parts = [arrow_to_vectors(table.column(space)) for table in self.tables([space])]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
