"""Actors of a Ray cluster make the shards; the driver sends them numbers, and alone writes the manifest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from featurizer.actors import Actors, Cluster, actors
from featurizer.encoders.device import cpu_threads
from featurizer.features.draft import FeatureSetDraft
from featurizer.features.engines.engine import Tick
from featurizer.features.engines.plan import Plan, ShardTold, ShardWorker
from featurizer.features.shards import ShardMetadata
from featurizer.results.files import PARTIAL, remove_leftovers


@dataclass(frozen=True, slots=True)
class RayEngine:
    """Actors that are ready to make shards."""

    actors: Actors

    @property
    def told(self) -> ShardTold:
        """What they all say of themselves."""
        told: ShardTold = self.actors.told
        return told

    def run(self, out: Path, draft: FeatureSetDraft, todo: Sequence[int], tick: Tick) -> None:
        """Have the actors make the shards, in whatever order they come to them.

        Raises:
            FeaturizerError: an actor cannot go on; finished shards are kept.
        """
        done = failures = 0
        made: ShardMetadata
        for made in self.actors.make(todo, f"{out}: shard"):
            done, failures = done + made.rows, failures + made.failed
            tick(done, failures)
        remove_leftovers(out.rglob(f".*{PARTIAL}"), alone=True)  # of actors that died


@contextmanager
def ray_engine(plan: Plan, cluster: Cluster) -> Iterator[RayEngine]:
    """Start the actors, have them load what they need, and end them with the block.

    Raises:
        MissingExtra: Ray is not installed.
        InputError: there is no such cluster, or fewer actors fit.
        FeaturizerError: an actor cannot load what it needs, or two of them would not make the same.
    """
    threads = plan.options.threads or (1 if cluster.gpus else cpu_threads(None))
    with actors(ShardWorker, [plan], cluster, threads) as ready:
        yield RayEngine(ready)
