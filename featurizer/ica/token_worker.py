"""The token cache, made by actors of a Ray cluster: a shard each, the same bytes as one process makes."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

from featurizer.actors import Cluster, Told, actors, check_alike, check_unchanged
from featurizer.catalog.store import Catalog
from featurizer.encoders.device import cpu_threads, resolve_device
from featurizer.errors import FeaturizerError
from featurizer.ica.encoders import WordStates, load_encoders
from featurizer.ica.token_shard import is_finished
from featurizer.ica.token_store import (
    MakeShards,
    TokenEncoders,
    rows_of,
    shard_folder,
    shard_writer,
    tokens_config,
)
from featurizer.memory import keep_freed_memory
from featurizer.results.files import PARTIAL, remove_leftovers


@dataclass(frozen=True, slots=True)
class TokenPlan:
    """A token cache as it is asked for, in names alone: what another process needs to make shards of it.

    Attributes:
        catalog: its folder, absolute, as every worker sees it.
        out: the cache's folder, likewise.
        vision: the vision encoder as the user named it.
        text: the text encoder, likewise.
        device: of each worker; `auto` for its own.
        threads: that compute on the CPU; None for one a core.
        words: what is read of a word piece.
    """

    catalog: Path
    out: Path
    vision: str
    text: str
    device: str = "auto"
    threads: int | None = None
    words: WordStates = "contextual"


@dataclass
class TokenWorker:
    """Makes shards of a plan; catalog and encoders are opened with the first question.

    Attributes:
        plan: what is made.
        open: what stays open as long as it works.
    """

    plan: TokenPlan
    open: ExitStack = field(default_factory=ExitStack)

    def told(self) -> Told:
        """Say what it would make, and of what."""
        catalog, encoders, _ = self._loaded
        return Told.of(tokens_config(catalog, encoders))

    def write(self, index: int, expected: str) -> int:
        """Make a shard and write it, unless it is finished; return its items."""
        catalog, _, write = self._loaded
        check_unchanged(self.told(), expected)
        if not is_finished(shard_folder(self.plan.out, index)):
            try:
                write(index, lambda _: None)
            except FeaturizerError as error:
                raise FeaturizerError(f"{platform.node()}: {error}") from error
        return len(rows_of(catalog, index))

    @cached_property
    def _loaded(self) -> tuple[Catalog, TokenEncoders, Callable[[int, Callable[[int], None]], None]]:
        plan = self.plan
        keep_freed_memory()
        try:
            catalog = Catalog.open(plan.catalog)
            device = resolve_device(plan.device)
            encoders = load_encoders(
                plan.vision, plan.text, device=device, threads=plan.threads, words=plan.words
            )
            write = self.open.enter_context(shard_writer(catalog, encoders, plan.out))
        except FeaturizerError as error:
            raise FeaturizerError(f"{platform.node()}: {error}") from error
        return catalog, encoders, write


def on_ray(plan: TokenPlan, cluster: Cluster, catalog: Catalog, encoders: TokenEncoders) -> MakeShards:
    """Return what has actors make the shards that this process would make, with these encoders."""
    return partial(_make, plan, cluster, Told.of(tokens_config(catalog, encoders)))


def _make(
    plan: TokenPlan, cluster: Cluster, here: Told, todo: Sequence[int], tick: Callable[[int], None]
) -> None:
    threads = plan.threads or (1 if cluster.gpus else cpu_threads(None))
    done = 0
    if not todo:
        return
    with actors(TokenWorker, [plan], cluster, threads) as workers:
        check_alike([here, workers.told])  # the features are made here
        for rows in workers.make(todo, f"{plan.out}: shard"):
            done += rows
            tick(done)
    remove_leftovers(plan.out.rglob(f".*{PARTIAL}"), alone=True)  # of actors that died
