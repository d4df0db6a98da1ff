"""The one way a feature set is written: claimed, made shard by shard, and closed by its manifest."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import featurizer
from featurizer.features.draft import FeatureSetDraft
from featurizer.features.engines.engine import Engine, MakeShard
from featurizer.features.engines.local import LocalEngine
from featurizer.features.feature_set import FORMAT_VERSION, OWNED, FeatureSet
from featurizer.features.shards import MARKS, ShardMetadata, finished_shards, shard_json
from featurizer.progress import Progress, Report, silent
from featurizer.records import Json
from featurizer.results.files import remove_tree
from featurizer.results.locks import is_shared, one_at_a_time
from featurizer.results.names import FEATURE_SET
from featurizer.results.stage import Stage
from featurizer.results.state import FOLDER as BOOK

logger = logging.getLogger(__name__)

TURN = "turn"
"""The file in the state book by which processes that share a folder claim and close it one after the other."""

Beside: TypeAlias = Callable[[Path, str], Mapping[str, Json]]
"""Writes what stands beside a manifest, given the folder and the fingerprint; returns what the manifest says of it."""


@dataclass(frozen=True, slots=True)
class Part:
    """Every `of`-th shard, from the `number`-th on, counted from 1: what one of several processes makes."""

    number: int
    of: int

    def of_shards(self, count: int) -> range:
        """Return which of so many shards belong to it."""
        return range(self.number - 1, count, self.of)


def _nothing_beside(folder: Path, fingerprint: str) -> Mapping[str, Json]:
    return {}


EVERYTHING = Part(1, 1)


def write_feature_set(
    out: Path,
    draft: FeatureSetDraft,
    make: MakeShard,
    *,
    overwrite: bool,
    name: str = "write",
    report: Report = silent,
) -> FeatureSet:
    """Write a feature set into the folder `out`, in this process; a finished shard is not made again.

    Args:
        out: the folder.
        draft: what is written.
        make: makes the rows of a shard.
        overwrite: replace what the folder holds.
        name: of the work, for reports.
        report: told how far it is.

    Raises:
        StaleOutput: `out` holds another feature set.
        OutputError: the disk refused a write; finished shards are kept.
    """
    write_part(out, draft, LocalEngine(make), EVERYTHING, overwrite=overwrite, name=name, report=report)
    return FeatureSet.open(out)


def write_part(
    out: Path,
    draft: FeatureSetDraft,
    engine: Engine,
    part: Part,
    *,
    overwrite: bool,
    updates: bool = False,
    beside: Beside = _nothing_beside,
    name: str = "write",
    report: Report = silent,
) -> bool:
    """Have an engine make a part of the shards, and close the set where all others are finished too.

    Args:
        out: the folder.
        draft: what is written.
        engine: who makes shards.
        part: which.
        overwrite: replace what the folder holds.
        updates: whether a set of other inputs could be brought up to date, for the message that refuses it.
        beside: called once all shards are there, before the manifest.
        name: of the work, for reports.
        report: told how far it is.

    Returns:
        Whether the set was finished before, or this call closed it: of several processes, each with a part of its own,
        one does.

    Raises:
        StaleOutput: `out` holds another feature set.
        OutputError: the disk refused a write; finished shards are kept.
    """
    stage = Stage(out, FEATURE_SET, draft.config, OWNED, updates=updates)
    with _turn(out):
        closes = stage.claim(overwrite=overwrite)
    if closes:
        logger.info("%s is finished already: nothing to do", out)
    else:
        _write_shards(out, draft, engine, part, name, report)
    with _turn(out):
        closes = closes or (not stage.is_finished and _close(stage, draft, beside))
        if stage.is_finished:
            with suppress(OSError):
                remove_tree(out / MARKS)  # the manifest says the same
    return closes


@contextmanager
def _turn(out: Path) -> Iterator[None]:
    """Wait for one's turn, where others write the folder too."""
    if not is_shared(out):
        yield
        return
    (out / BOOK).mkdir(parents=True, exist_ok=True)
    with one_at_a_time(out / BOOK / TURN):
        yield


def _write_shards(
    out: Path, draft: FeatureSetDraft, engine: Engine, part: Part, name: str, report: Report
) -> None:
    mine = part.of_shards(draft.shards)
    shards = finished_shards(out, mine, draft)
    finished = [shard for shard in shards if shard is not None]
    if finished:
        logger.info("resuming: %d of %d shards are finished", len(finished), len(mine))
    total = sum(len(draft.rows_of(index)) for index in mine)
    done, failures = sum(shard.rows for shard in finished), sum(shard.failed for shard in finished)

    def tick(rows: int, failed: int) -> None:
        report(Progress(name, done + rows, total, failures + failed))

    tick(0, 0)
    engine.run(out, draft, [index for index, one in zip(mine, shards, strict=True) if one is None], tick)


def _close(stage: Stage, draft: FeatureSetDraft, beside: Beside) -> bool:
    """Write what stands beside the manifest, and the manifest last, unless a shard is missing."""
    shards = finished_shards(stage.folder, range(draft.shards), draft)
    whole = [shard for shard in shards if shard is not None]
    if len(whole) < len(shards):
        logger.info("%d of %d shards are finished; the others are made elsewhere", len(whole), len(shards))
        return False
    stage.finish({**_manifest(draft, whole), **beside(stage.folder, stage.fingerprint)})
    return True


def _manifest(draft: FeatureSetDraft, shards: Sequence[ShardMetadata]) -> dict[str, Json]:
    spaces: dict[str, Json] = {
        name: {**about, "null": sum(shard.null[name] for shard in shards), **_lost(name, shards)}
        for name, about in draft.spaces.items()
    }
    return {
        "format_version": FORMAT_VERSION,
        "featurizer_version": featurizer.__version__,
        "rows": draft.rows,
        "with_image": sum(shard.with_image for shard in shards),
        "with_text": sum(shard.with_text for shard in shards),
        "failed": sum(shard.failed for shard in shards),
        "failures": _total([shard.failures for shard in shards]),
        **draft.about,
        "spaces": spaces,
        "shards": [shard_json(shard) for shard in shards],
        "seconds": _total([shard.seconds for shard in shards]),
    }


def _lost(space: str, shards: Sequence[ShardMetadata]) -> dict[str, Json]:
    """Return what of a space's texts was not read, where its encoder counted it in every shard."""
    if not all(space in shard.texts_cut for shard in shards):
        return {}
    return {
        "texts_cut": sum(shard.texts_cut[space] for shard in shards),
        "texts_unknown": sum(shard.texts_unknown[space] for shard in shards),
    }


def _total(counts: Sequence[Mapping[str, float]]) -> dict[str, Json]:
    totals: dict[str, float] = {}
    for count in counts:
        for name, value in count.items():
            totals[name] = round(totals.get(name, 0) + value, 3)
    return {name: totals[name] for name in sorted(totals)}
