"""The extract engine: a catalog and some encoders become a feature set, shard by shard, resumable.

Every picture is decoded once for all image encoders. Three things overlap: a pool of threads decodes and
prepares the next batches, the calling thread encodes, one thread writes the last shard. Each hand-over is
bounded (`PREFETCH` batches, one shard), so memory does not depend on the catalog's size. Batches never
cross a shard, so a resumed run computes what an uninterrupted one would.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import featurizer
from featurizer.catalog.store import Catalog
from featurizer.encoders.base import AnyEncoder, EncoderSpec
from featurizer.encoders.device import computing_threads, recorded_threads
from featurizer.encoders.libraries import library_versions
from featurizer.errors import InputError
from featurizer.features.clock import Clock
from featurizer.features.encode_shard import ShardJob, encode_shard
from featurizer.features.feature_set import FORMAT_VERSION, OWNED, FeatureSet
from featurizer.features.schema import StoredDtype
from featurizer.features.shards import MARKS, ShardMetadata, ShardRows, ShardWriter, shard_json
from featurizer.progress import Progress, Report, silent
from featurizer.records import Json
from featurizer.results.names import FEATURE_SET
from featurizer.results.stage import Stage

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ExtractOptions:
    """How a feature set is made.

    Attributes:
        dtype: what vectors are stored in.
        batch_size: items an encoder sees at once.
        shard_rows: items a shard; a killed run loses at most the shards in flight.
        workers: threads that decode and prepare; None for one a core, at most eight.
        overwrite: replace what the folder holds.
        device: recorded, and part of the fingerprint (vectors differ between devices in the last digits).
        threads: that compute on the CPU; None for one a core. Recorded, and part of the fingerprint there.
    """

    dtype: StoredDtype = "float32"
    batch_size: int = 32
    shard_rows: int = 2048
    workers: int | None = None
    overwrite: bool = False
    device: str = "cpu"
    threads: int | None = None


def extract(
    catalog: Catalog,
    encoders: Sequence[AnyEncoder],
    out: Path,
    options: ExtractOptions,
    *,
    report: Report = silent,
) -> FeatureSet:
    """Encode every item of `catalog` with every encoder and write the feature set into `out`.

    One item's failure (a broken picture, a vector that is not finite) is a null vector and a reason in its
    row's `error`; the run goes on.

    Raises:
        StaleOutput: `out` holds a feature set of another catalog, encoder or option.
        OutputError: the disk refused a write; finished shards are kept.
    """
    if not catalog.rows:
        raise InputError(f"{catalog.folder} has no items; expected at least one")
    stage = Stage(out, FEATURE_SET, _config(catalog, encoders, options), OWNED)
    if stage.claim(overwrite=options.overwrite):
        logger.info("%s is finished already: nothing to do", out)
        shutil.rmtree(out / MARKS, ignore_errors=True)
        return FeatureSet.open(out)
    total = -(-catalog.rows // options.shard_rows)
    writer = ShardWriter(
        out, total, {encoder.spec.space: encoder.spec.dim for encoder in encoders}, options.dtype
    )
    with computing_threads(options.threads):
        accounts = _write_shards(catalog, encoders, writer, options, report)
    stage.finish(manifest(catalog, [encoder.spec for encoder in encoders], options, accounts))
    writer.forget_marks()
    return FeatureSet.open(out)


def _write_shards(
    catalog: Catalog,
    encoders: Sequence[AnyEncoder],
    writer: ShardWriter,
    options: ExtractOptions,
    report: Report,
) -> list[ShardMetadata]:
    accounts: list[ShardMetadata | Future[ShardMetadata] | None] = [
        writer.finished(index) for index in range(writer.total)
    ]
    finished = [account for account in accounts if isinstance(account, ShardMetadata)]
    done, failures = (
        sum(account.rows for account in finished),
        sum(account.failed for account in finished),
    )
    if finished:
        logger.info("resuming: %d of %d shards are finished", len(finished), writer.total)
    report(Progress("extract", done, catalog.rows, failures))
    workers = options.workers or min(8, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers, "decode") as pool, ThreadPoolExecutor(1, "write") as writing:
        work = ShardJob(catalog, encoders, pool, options.batch_size, options.dtype)
        pending: Future[ShardMetadata] | None = None
        for index in [index for index, account in enumerate(accounts) if account is None]:
            start = index * options.shard_rows
            stop = min(start + options.shard_rows, catalog.rows)
            clock = Clock()

            def tick(rows: int, failed: int, done: int = done, failures: int = failures) -> None:
                report(Progress("extract", done + rows, catalog.rows, failures + failed))

            rows = encode_shard(work, range(start, stop), clock, tick)
            done += len(rows.item_ids)
            failures += sum(error is not None for error in rows.errors)
            if pending is not None:
                pending.result()
            pending = accounts[index] = writing.submit(_write, writer, index, rows, clock)
        return [
            account.result() if isinstance(account, Future) else account
            for account in accounts
            if account is not None
        ]


def _write(writer: ShardWriter, index: int, rows: ShardRows, clock: Clock) -> ShardMetadata:
    return writer.write(index, rows, clock.seconds)


def _config(catalog: Catalog, encoders: Sequence[AnyEncoder], options: ExtractOptions) -> dict[str, Json]:
    return {
        "catalog": catalog.identity,
        "encoders": {encoder.spec.space: encoder.spec.provenance() for encoder in encoders},
        "dtype": options.dtype,
        "batch_size": options.batch_size,
        "shard_rows": options.shard_rows,
        "device": options.device,
        "threads": recorded_threads(options.threads, options.device),
        "libraries": library_versions(encoder.spec.request for encoder in encoders),
    }


def manifest(
    catalog: Catalog,
    specs: Sequence[EncoderSpec],
    options: ExtractOptions,
    accounts: Sequence[ShardMetadata],
) -> dict[str, Json]:
    """Return the manifest of a feature set that encoders of these specifications made of a catalog."""
    spaces: dict[str, Json] = {
        spec.space: {
            **spec.provenance(),
            "encoder": spec.name,
            "dtype": options.dtype,
            "compute_dtype": spec.dtype,
            "null": sum(account.null[spec.space] for account in accounts),
        }
        for spec in specs
    }
    return {
        "format_version": FORMAT_VERSION,
        "featurizer_version": featurizer.__version__,
        "rows": sum(account.rows for account in accounts),
        "with_image": sum(account.with_image for account in accounts),
        "with_text": sum(account.with_text for account in accounts),
        "failed": sum(account.failed for account in accounts),
        "failures": _total([account.failures for account in accounts]),
        "requests": list(dict.fromkeys(spec.request for spec in specs if spec.request is not None)),
        "mask": next((spec.mask for spec in specs if spec.mask is not None), None),
        "spaces": spaces,
        "shards": [shard_json(account) for account in accounts],
        "source": catalog.manifest.source.document(),
        "text_recipe": catalog.manifest.text_recipe,
        "catalog": catalog.identity,
        "device": options.device,
        "threads": recorded_threads(options.threads, options.device),
        "libraries": library_versions(spec.request for spec in specs),
        "seconds": _total([account.seconds for account in accounts]),
    }


def _total(counts: Sequence[Mapping[str, float]]) -> dict[str, Json]:
    totals: dict[str, float] = {}
    for count in counts:
        for name, value in count.items():
            totals[name] = round(totals.get(name, 0) + value, 3)
    return {name: totals[name] for name in sorted(totals)}
