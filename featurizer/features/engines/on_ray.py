"""Actors of a Ray cluster make the shards; the driver sends them numbers, and alone writes the manifest.

Ray's core and not its data library, whose writer names files by chance, keeps no order unless told, holds all finished
ids in memory and may drop a block that failed: a set must have the same bytes whoever made it. An actor loads the
encoders once, has one shard in work and one waiting, asks first whether a shard is finished, and writes straight into
the folder; what dies is started again and its shards with it.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from featurizer.encoders.device import cpu_threads
from featurizer.errors import FeaturizerError, InputError
from featurizer.features.draft import FeatureSetDraft
from featurizer.features.engines.engine import Tick
from featurizer.features.engines.plan import Plan, ShardWorker, Told
from featurizer.features.shards import ShardMetadata
from featurizer.registry import Extra
from featurizer.results.files import PARTIAL, remove_leftovers
from featurizer.results.stage import differing_keys

NEEDS = Extra(("ray",), "ray")
AT_ONCE = 2
"""Shards that an actor is sent: one that it makes, one that waits."""
RETRIES = 5
"""Times that a shard is begun again whose actor died; more, and it is the shard that kills."""
OBJECTS = 100 * 2**20
"""Bytes of a cluster's own that are set aside for what actors return, which is little."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where the actors run, and how many.

    Attributes:
        address: `auto`, or HOST or HOST:PORT of a cluster that is there; None for one of this machine's own, that ends
            with the run.
        workers: actors; None for as many as fit.
        gpus: that each takes; a fraction where several share one.
    """

    address: str | None = None
    workers: int | None = None
    gpus: float = 0.0


@dataclass(frozen=True, slots=True)
class RayEngine:
    """Actors that are ready, and what they are going to make.

    Attributes:
        actors: their handles.
        told: what they all say of themselves.
    """

    actors: Sequence[Any]
    told: Told

    def run(self, out: Path, draft: FeatureSetDraft, todo: Sequence[int], tick: Tick) -> None:
        """Have the actors make the shards, in whatever order they come to them.

        Raises:
            FeaturizerError: an actor cannot go on; finished shards are kept.
        """
        import ray

        waiting, done, failures, expected = deque(todo), 0, 0, self.told.fingerprint
        asked: dict[Any, tuple[Any, int]] = {}

        def ask(actor: Any) -> None:  # noqa: ANN401 - Ray's handles have no type
            if waiting:
                index = waiting.popleft()
                asked[actor.write.remote(index, expected)] = actor, index

        for actor in [actor for _ in range(AT_ONCE) for actor in self.actors]:
            ask(actor)
        while asked:
            (first,), _ = ray.wait(list(asked), num_returns=1)
            actor, index = asked.pop(first)
            made: ShardMetadata = _got(first, f"shard {index} of {out}")
            done, failures = done + made.rows, failures + made.failed
            tick(done, failures)
            ask(actor)
        remove_leftovers(out.rglob(f".*{PARTIAL}"), alone=True)  # of actors that died


@contextmanager
def ray_engine(plan: Plan, cluster: Cluster) -> Iterator[RayEngine]:
    """Start the actors, have them load what they need, and end them with the block.

    Raises:
        MissingExtra: Ray is not installed.
        InputError: there is no such cluster, or fewer actors fit.
        FeaturizerError: an actor cannot load what it needs, or two of them would not make the same.
    """
    NEEDS.require("--engine ray")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if cluster.address is None:
        # read on import: 127.0.0.1 alone, on every system
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    import ray

    with _cluster(cluster.address):
        threads = plan.options.threads or (1 if cluster.gpus else cpu_threads(None))
        need = {"CPU": float(threads), "GPU": cluster.gpus}
        kind: Any = ray.remote(ShardWorker).options(
            num_cpus=need["CPU"], num_gpus=need["GPU"], max_restarts=-1, max_task_retries=RETRIES
        )
        actors = [kind.remote(plan) for _ in range(_count(cluster, need))]
        try:
            told = [_got(one, "a worker") for one in [actor.told.remote() for actor in actors]]
            _alike(told)
            yield RayEngine(actors, told[0])
        finally:  # nobody writes into the folder any more, whoever's the cluster is
            for actor in actors:
                ray.kill(actor)


@contextmanager
def _cluster(address: str | None) -> Iterator[None]:
    """Be connected to a cluster; to one that this process is connected to already, where it is."""
    import ray

    if ray.is_initialized():
        yield
        return
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    own: dict[str, Any] = {
        "address": "local",
        "include_dashboard": False,
        "object_store_memory": OBJECTS,
    }
    try:
        ray.init(**quiet, **(own if address is None else {"address": address}))
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise InputError(
            f"no Ray cluster at {address or 'this machine'}: {error}. Start one with 'ray start --head', or leave "
            "--address out to have one for this run alone"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _count(cluster: Cluster, need: Mapping[str, float]) -> int:
    """Return how many actors are started.

    Raises:
        InputError: none fits on any machine, or fewer than are asked for.
    """
    import ray

    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    fitting = [
        min(int(has.get(kind, 0) / amount + 1e-9) for kind, amount in need.items() if amount)
        for has in machines
    ]
    fits = sum(fitting)
    if not fits or (cluster.workers or 0) > fits:
        has = "; ".join(f"{m.get('CPU', 0):g} cores, {m.get('GPU', 0):g} GPUs" for m in machines)
        raise InputError(
            f"{cluster.workers or 1} workers of {need['CPU']:g} threads and {need['GPU']:g} GPUs each do not fit: the "
            f"cluster has {has}. Give fewer --workers, --threads or --gpus-per-worker"
        )
    return cluster.workers or fits


def _alike(told: Sequence[Told]) -> None:
    """Refuse workers that would not make the same bytes.

    Raises:
        FeaturizerError: two differ in a version, in weights, in device or threads.
    """
    first = told[0]
    for other in told[1:]:
        differing = differing_keys(first.config, other.config)
        if differing:
            raise FeaturizerError(
                f"the workers on {first.host} and {other.host} would not make the same: {', '.join(differing)}. "
                "Install the same versions everywhere, and give --threads and --device"
            )


def _got(promised: Any, what: str) -> Any:  # noqa: ANN401 - what an actor returns
    """Return what an actor was asked for.

    Raises:
        FeaturizerError: it could not do it, or died more than `RETRIES` times over it.
    """
    import ray
    from ray.exceptions import RayActorError, RayTaskError

    try:
        return ray.get(promised)
    except RayTaskError as error:
        if isinstance(error.cause, FeaturizerError):
            raise FeaturizerError(str(error.cause)) from error
        raise
    except RayActorError as error:
        raise FeaturizerError(
            f"{what}: its process died {RETRIES + 1} times, the last time so: {str(error).strip()}. Finished shards "
            "are kept; the same command goes on"
        ) from error
