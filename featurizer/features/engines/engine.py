"""What an engine is. The unit is a shard, so the bytes of a set do not depend on who made which of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeAlias

from featurizer.features.clock import Clock
from featurizer.features.draft import FeatureSetDraft
from featurizer.features.rows import ShardRows

Tick: TypeAlias = Callable[[int, int], None]
"""Called with (rows done, failures) since the work began."""
MakeShard: TypeAlias = Callable[[range, Clock, Tick], ShardRows]
"""Makes the rows of a shard, adds to its clock what that took, and may tick on the way."""


class Engine(Protocol):
    """Makes shards and writes them; who claims the folder and writes the manifest is not its business."""

    def run(self, out: Path, draft: FeatureSetDraft, todo: Sequence[int], tick: Tick) -> None:
        """Make the shards `todo` and write them into `out`, each marked finished.

        Raises:
            OutputError: the disk refused a write; finished shards are kept.
        """
        ...
