"""This process makes the shards, one after the other; a thread writes one while the next is made."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from featurizer.features.clock import Clock
from featurizer.features.draft import FeatureSetDraft
from featurizer.features.engines.engine import MakeShard, Tick
from featurizer.features.shards import ShardMetadata, write_shard


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """Two shards are in memory at most.

    Attributes:
        make: makes the rows of a shard.
    """

    make: MakeShard

    def run(self, out: Path, draft: FeatureSetDraft, todo: Sequence[int], tick: Tick) -> None:
        """Make and write the shards in their order."""
        done = failures = 0
        before: Future[ShardMetadata] | None = None
        with ThreadPoolExecutor(1, "write") as writing:
            for index in todo:
                clock = Clock()

                def within(rows: int, failed: int, done: int = done, failures: int = failures) -> None:
                    tick(done + rows, failures + failed)

                rows = self.make(draft.rows_of(index), clock, within)
                done += len(rows.item_ids)
                failures += sum(error is not None for error in rows.errors)
                if before is not None:
                    before.result()  # one shard waits at most, and a refused write ends the work
                before = writing.submit(write_shard, out, index, draft, rows, clock.seconds)
            if before is not None:
                before.result()
