"""The one way a feature set is written: claimed, made shard by shard, and closed by its manifest."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import featurizer
from featurizer.features.clock import Clock
from featurizer.features.draft import FeatureSetDraft
from featurizer.features.feature_set import FORMAT_VERSION, OWNED, FeatureSet
from featurizer.features.rows import ShardRows
from featurizer.features.shards import (
    MARKS,
    ShardMetadata,
    finished_shard,
    shard_json,
    write_shard,
)
from featurizer.progress import Progress, Report, silent
from featurizer.records import Json
from featurizer.results.names import FEATURE_SET
from featurizer.results.stage import Stage

logger = logging.getLogger(__name__)

Tick: TypeAlias = Callable[[int, int], None]
"""Called with (rows done, failures) of the shard."""
MakeShard: TypeAlias = Callable[[range, Clock, Tick], ShardRows]
"""Makes the rows of a shard, adds to its clock what that took, and may tick on the way."""


def write_feature_set(
    out: Path,
    draft: FeatureSetDraft,
    make: MakeShard,
    *,
    overwrite: bool,
    name: str = "write",
    report: Report = silent,
) -> FeatureSet:
    """Write a feature set into the folder `out`; a finished shard is not made again.

    A shard is written by a thread of its own while the next one is made, so two of them are in memory at most.

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
    stage = Stage(out, FEATURE_SET, draft.config, OWNED, updates=name == "extract")
    if stage.claim(overwrite=overwrite):
        logger.info("%s is finished already: nothing to do", out)
    else:
        stage.finish(_manifest(draft, _write_shards(out, draft, make, name, report)))
    shutil.rmtree(out / MARKS, ignore_errors=True)  # the manifest says the same
    return FeatureSet.open(out)


def _write_shards(
    out: Path, draft: FeatureSetDraft, make: MakeShard, name: str, report: Report
) -> list[ShardMetadata]:
    shards = [finished_shard(out, index, draft) for index in range(draft.shards)]
    finished = [shard for shard in shards if shard is not None]
    if finished:
        logger.info("resuming: %d of %d shards are finished", len(finished), draft.shards)
    done, failures = sum(shard.rows for shard in finished), sum(shard.failed for shard in finished)
    report(Progress(name, done, draft.rows, failures))
    written: dict[int, Future[ShardMetadata]] = {}
    with ThreadPoolExecutor(1, "write") as writing:
        for index in [index for index, shard in enumerate(shards) if shard is None]:
            clock = Clock()

            def tick(rows: int, failed: int, done: int = done, failures: int = failures) -> None:
                report(Progress(name, done + rows, draft.rows, failures + failed))

            rows = make(draft.rows_of(index), clock, tick)
            done += len(rows.item_ids)
            failures += sum(error is not None for error in rows.errors)
            for before in written.values():
                before.result()  # one shard waits at most, and a refused write ends the work
            written[index] = writing.submit(write_shard, out, index, draft, rows, clock.seconds)
        return [written[index].result() if shard is None else shard for index, shard in enumerate(shards)]


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
