"""Actors of a Ray cluster, each of which makes what it is told by number; the driver only counts.

Ray's core and not its data library, whose writer names files by chance, keeps no order unless told, holds all finished
ids in memory and may drop a block that failed: a set must have the same bytes whoever made it. An actor loads what it
needs once, has one piece of work in hand and one waiting, asks first whether it is finished, and writes straight into
the folder; what dies is started again and its work with it.
"""

from __future__ import annotations

import logging
import os
import platform
import signal
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import featurizer
from featurizer.errors import FeaturizerError, InputError
from featurizer.records import Json
from featurizer.registry import Extra
from featurizer.results.files import fingerprint
from featurizer.results.stage import differing_keys
from featurizer.values import counted

NEEDS = Extra(("ray",), "ray")
AT_ONCE = 2
"""Pieces of work that an actor is sent: one that it makes, one that waits."""
RETRIES = 5
"""Times that a piece is begun again whose actor died; more, and it is the piece that kills."""
PATIENCE = 60.0
"""Seconds until it is said that workers have not begun: others may have taken what the cluster has."""
PORT = 6379
"""Where a head listens that was told no other."""
OBJECTS = 100 * 2**20
"""Bytes of a cluster's own that are set aside for what actors return, which is little."""

logger = logging.getLogger(__name__)


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
class Told:
    """What an actor says of itself before it begins: two of them make the same bytes where their `config` is equal.

    Attributes:
        host: its machine.
        config: what has to be the same everywhere: versions, the hashes of weights, device, threads.
    """

    host: str
    config: Mapping[str, Json]

    @classmethod
    def of(cls, config: Mapping[str, Json]) -> Self:
        """Say it of this process, with the version of this package."""
        return cls(platform.node(), {**config, "featurizer": featurizer.__version__})

    @property
    def fingerprint(self) -> str:
        """The sha256 of the configuration."""
        return fingerprint(dict(self.config))


class Worker(Protocol):
    """What an actor is made of; for what is wrong with its plan it raises `FeaturizerError`, which can be sent."""

    def told(self) -> Told:
        """Say what it would make, and of what; opens and loads what it needs."""
        ...

    def write(self, piece: Any, expected: str) -> Any:  # noqa: ANN401 - whatever the driver wants to know of it
        """Make a piece and write it, unless it is finished.

        Args:
            piece: which.
            expected: the fingerprint of what the actors made when they began; one that was started again may be on
                another machine.
        """
        ...


@dataclass(frozen=True, slots=True)
class Actors:
    """Actors that are ready.

    Attributes:
        handles: of Ray.
        told: what the first of them says of itself, as all would.
    """

    handles: Sequence[Any]
    told: Any

    def make(
        self, todo: Sequence[object], what: str, meanwhile: Callable[[], None] = lambda: None
    ) -> Iterator[Any]:
        """Have pieces made, and yield what came of each, in whatever order they are ready.

        Args:
            todo: which, as `Worker.write` is told.
            what: they are, and where, for a message.
            meanwhile: called every second in which none is ready.

        Raises:
            FeaturizerError: an actor cannot go on.
        """
        import ray

        waiting, expected = deque(todo), self.told.fingerprint
        asked: dict[Any, tuple[Any, object]] = {}

        def ask(actor: Any) -> None:  # noqa: ANN401 - Ray's handles have no type
            if waiting:
                piece = waiting.popleft()
                asked[actor.write.remote(piece, expected)] = actor, piece

        for actor in [actor for _ in range(AT_ONCE) for actor in self.handles]:
            ask(actor)
        while asked:
            with _as_raised():
                ready, _ = ray.wait(list(asked), num_returns=1, timeout=1.0)
            if not ready:
                meanwhile()
                continue
            actor, piece = asked.pop(ready[0])
            yield _got(ready[0], f"{what} {piece}")
            ask(actor)


@contextmanager
def actors(worker: type[Worker], plan: Sequence[object], cluster: Cluster, threads: int) -> Iterator[Actors]:
    """Start actors, have them load what they need, and end them with the block.

    Args:
        worker: what each is made of.
        plan: what it is made with; relative paths in it mean the same as here, where a machine has this folder.
        cluster: where they run.
        threads: of each.

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

    with connected(cluster.address):
        need = {"CPU": float(threads), "GPU": cluster.gpus}
        kind: Any = ray.remote(_in_folder(worker, Path.cwd())).options(
            num_cpus=need["CPU"], num_gpus=need["GPU"], max_restarts=-1, max_task_retries=RETRIES
        )
        started = [kind.remote(*plan) for _ in range(_count(cluster, need))]
        try:
            promised = [actor.told.remote() for actor in started]
            with _as_raised():
                ready, missing = ray.wait(promised, num_returns=len(promised), timeout=PATIENCE)
            if missing:
                logger.warning(
                    "%d of %d workers have begun; the others load what they need, or wait for the cluster to have "
                    "cores and GPUs to spare",
                    len(ready),
                    len(promised),
                )
            told = [_got(one, "a worker") for one in promised]
            check_alike(told)
            yield Actors(started, told[0])
        finally:  # nobody writes into the folder any more, whoever's the cluster is
            for actor in started:
                ray.kill(actor)


def _in_folder(worker: type[Worker], folder: Path) -> type[Worker]:
    """Return a worker that is begun in a folder: Ray's processes are where somebody started the cluster."""

    def begin(self: Worker, *plan: object) -> None:
        with suppress(OSError):  # a machine that reads from a store alone need not have it
            os.chdir(folder)
        worker.__init__(self, *plan)

    return type(worker.__name__, (worker,), {"__init__": begin})


def check_unchanged(told: Told, expected: str) -> None:
    """Refuse to go on as an actor that would not make what the others do.

    Raises:
        FeaturizerError: its configuration has another fingerprint.
    """
    if told.fingerprint != expected:
        raise FeaturizerError(
            f"{told.host}: a worker that was started again would not make the same as the others; install "
            "the same versions everywhere, and give --threads and --device. What is finished is kept"
        )


def check_alike(told: Sequence[Told]) -> None:
    """Refuse actors that would not make the same bytes.

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


@contextmanager
def connected(address: str | None) -> Iterator[None]:
    """Be connected to a cluster; to one that this process is connected to already, where it is."""
    import ray

    if ray.is_initialized():
        yield
        return
    if address not in (None, "auto"):
        _reach(str(address))
    logger.info("starting Ray; its workers load what they need")
    on_signal = signal.getsignal(signal.SIGTERM)
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
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, on_signal)  # Ray's own aborts the process, with a dump of its stack
    try:
        yield
    finally:
        ray.shutdown()


def _reach(address: str) -> None:
    """Refuse an address at which nobody listens: Ray itself tries for minutes.

    Raises:
        InputError: nobody does.
    """
    host, _, port = address.rpartition(":") if ":" in address else (address, "", str(PORT))
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except (OSError, ValueError, OverflowError) as error:
        raise InputError(
            f"no Ray cluster at {address}: {error}. Expected HOST or HOST:PORT of one that 'ray start --head' began, "
            "or auto; leave --address out to have one for this run alone"
        ) from error


@contextmanager
def _as_raised() -> Iterator[None]:
    """Let through what a signal's handler raised while Ray waited, whose compiled code makes a `SystemError` of it."""
    try:
        yield
    except SystemError as error:
        raise (error.__cause__ or error) from None


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
            f"no room for {counted(cluster.workers or 1, 'worker', 'workers')} of {need['CPU']:g} threads and "
            f"{need['GPU']:g} GPUs each: the cluster has {has}. Give fewer --workers, --threads or --gpus-per-worker"
        )
    return cluster.workers or fits


def _got(promised: Any, what: str) -> Any:  # noqa: ANN401 - what an actor returns
    """Return what an actor was asked for.

    Raises:
        FeaturizerError: it could not do it, or died more than `RETRIES` times over it.
    """
    import ray
    from ray.exceptions import RayActorError, RayTaskError

    try:
        with _as_raised():
            return ray.get(promised)
    except RayTaskError as error:
        if isinstance(error.cause, FeaturizerError):
            raise FeaturizerError(str(error.cause)) from error
        raise
    except RayActorError as error:
        raise FeaturizerError(
            f"{what}: its process died, as did those that were started in its place, {RETRIES} at most; the last time "
            f"so: {str(error).strip()}. What is finished is kept; the same command goes on"
        ) from error
