"""A feature set as it is planned: how many items, which spaces, what its manifest will say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from featurizer.features.options import SHARD_ROWS, StoredDtype
from featurizer.records import Json
from featurizer.results.files import fingerprint


@dataclass(frozen=True, slots=True)
class FeatureSetDraft:
    """A feature set before its vectors are made.

    Attributes:
        rows: how many items.
        dims: each space's width, in the order of the columns.
        spaces: what the manifest says of each space, but how many of its vectors are null.
        about: what it says of the whole, but counts, shards and seconds: source, device, libraries, ….
        config: what tells the set from others.
        dtype: what vectors are stored in.
        shard_rows: items a shard.
    """

    rows: int
    dims: Mapping[str, int]
    spaces: Mapping[str, Mapping[str, Json]]
    about: Mapping[str, Json]
    config: Mapping[str, Json]
    dtype: StoredDtype
    shard_rows: int = SHARD_ROWS

    @property
    def sees_all_pictures(self) -> bool:
        """Whether an encoder sees all pictures of an item; else every one sees the first."""
        return any(told.get("images") is not None for told in self.spaces.values())

    @property
    def fingerprint(self) -> str:
        """The sha256 of `config`: of two sets with the same one, the shards are the same."""
        return fingerprint(self.config)

    @property
    def shards(self) -> int:
        """How many shards it has."""
        return -(-self.rows // self.shard_rows)

    def rows_of(self, index: int) -> range:
        """Return the rows of one shard."""
        start = index * self.shard_rows
        return range(start, min(start + self.shard_rows, self.rows))
