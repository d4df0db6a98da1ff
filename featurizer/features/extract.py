"""The extract engine: a catalog and some encoders become a feature set, shard by shard, resumable.

Every picture is decoded once for all image encoders. Three things overlap: workers decode and prepare the
next batches, the calling thread encodes, one thread writes the last shard. Each hand-over is
bounded (`PREFETCH` batches, one shard), so memory does not depend on the catalog's size. Batches never
cross a shard, so a resumed run computes what an uninterrupted one would.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from featurizer.catalog.store import Catalog
from featurizer.encoders.base import AnyEncoder, EncoderSpec
from featurizer.encoders.device import computing_threads, recorded_threads
from featurizer.encoders.libraries import library_versions
from featurizer.encoders.naming import told_request
from featurizer.errors import InputError
from featurizer.features.clock import Clock
from featurizer.features.decoding import Decoders, decoding
from featurizer.features.draft import FeatureSetDraft
from featurizer.features.encode_shard import encode_shard
from featurizer.features.engines.engine import Engine, MakeShard, Tick
from featurizer.features.engines.local import LocalEngine
from featurizer.features.feature_set import FeatureSet
from featurizer.features.inputs import inputs_of, write_inputs
from featurizer.features.options import BATCH_SIZE, SHARD_ROWS, StoredDtype
from featurizer.features.prepare import preparer
from featurizer.features.rows import ShardRows
from featurizer.features.supervised import SUPERVISED, write_supervised
from featurizer.features.update import EncodeRows, is_outdated, update
from featurizer.features.write import EVERYTHING, Part, write_part
from featurizer.progress import Report, silent
from featurizer.records import Json
from featurizer.results.whole import file_hashes


@dataclass(frozen=True, slots=True)
class ExtractOptions:
    """How a feature set is made.

    Attributes:
        dtype: what vectors are stored in.
        batch_size: items an encoder sees at once.
        shard_rows: items a shard; a killed run loses at most the shards in flight.
        workers: threads or processes that decode and prepare; None for one a core, at most eight on the CPU.
        decoders: who decodes.
        overwrite: replace what the folder holds.
        update: encode what changed since the set in the folder was made, and copy every other vector.
        device: recorded, and part of the fingerprint (vectors differ between devices in the last digits).
        threads: that compute on the CPU; None for one a core. Recorded, and part of the fingerprint there.
    """

    dtype: StoredDtype = "float32"
    batch_size: int = BATCH_SIZE
    shard_rows: int = SHARD_ROWS
    workers: int | None = None
    decoders: Decoders = "auto"
    overwrite: bool = False
    update: bool = False
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
    extract_part(catalog, encoders, out, options, EVERYTHING, report=report)
    return FeatureSet.open(out)


def extract_part(
    catalog: Catalog,
    encoders: Sequence[AnyEncoder],
    out: Path,
    options: ExtractOptions,
    part: Part,
    *,
    report: Report = silent,
) -> bool:
    """Encode a part of the shards, as `extract` does all; return whether the set was closed by that, or before.

    Raises:
        StaleOutput: `out` holds a feature set of another catalog, encoder or option.
        OutputError: the disk refused a write; finished shards are kept.
    """
    specs = [encoder.spec for encoder in encoders]
    draft = drafted(catalog, specs, options)
    with encoding(catalog, encoders, options) as encode:

        def make(rows: range, clock: Clock, tick: Tick) -> ShardRows:
            return encode(encoders, rows, clock, tick)

        def write(folder: Path, draft: FeatureSetDraft, make: MakeShard) -> bool:
            return write_extracted(
                folder, draft, LocalEngine(make), part, catalog, taught_by(specs), options, report=report
            )

        if options.update and not options.overwrite and is_outdated(out, draft):
            update(out, draft, catalog, encoders, encode, write)
            return True
        return write(out, draft, make)


@contextmanager
def encoding(
    catalog: Catalog, encoders: Sequence[AnyEncoder], options: ExtractOptions
) -> Iterator[EncodeRows]:
    """Have workers decode pictures while the block runs, and yield what encodes rows of a catalog.

    Raises:
        InputError: the catalog has no items.
    """
    if not catalog.rows:
        raise InputError(f"{catalog.folder} has no items; expected at least one")
    prepare = {one.spec.space: preparer(one) for one in encoders if one.spec.modality != "text"}
    workers = decoding(
        prepare,
        device=options.device,
        workers=options.workers,
        decoders=options.decoders,
        rows=catalog.rows,
    )
    with workers as decoders:

        def encode(some: Sequence[AnyEncoder], rows: Sequence[int], clock: Clock, tick: Tick) -> ShardRows:
            with computing_threads(options.threads, options.device):
                return encode_shard(
                    catalog,
                    some,
                    rows,
                    clock,
                    tick,
                    decoding=decoders,
                    batch_size=options.batch_size,
                    dtype=options.dtype,
                )

        yield encode


def write_extracted(
    folder: Path,
    draft: FeatureSetDraft,
    engine: Engine,
    part: Part,
    catalog: Catalog,
    taught: Sequence[str],
    options: ExtractOptions,
    *,
    report: Report = silent,
) -> bool:
    """Have an engine write a part of the shards; with the last, what stands beside the manifest: return whether so.

    Args:
        folder: the set's.
        draft: the set.
        engine: who makes shards.
        part: which.
        catalog: what they are made of.
        taught: the ids of the items whose interactions taught an encoder.
        options: whether what the folder holds is replaced.
        report: told how far it is.
    """

    def beside(folder: Path, fingerprint: str) -> Mapping[str, Json]:
        write_inputs(folder, inputs_of(catalog, several=draft.sees_all_pictures), fingerprint)
        if not taught:
            return {}
        write_supervised(folder / SUPERVISED, taught)
        return {"files": file_hashes([folder / SUPERVISED])}

    return write_part(
        folder,
        draft,
        engine,
        part,
        overwrite=options.overwrite,
        updates=True,
        beside=beside,
        name="extract",
        report=report,
    )


def taught_by(specs: Sequence[EncoderSpec]) -> list[str]:
    """Return the ids of the items whose interactions taught one of the encoders, ascending."""
    return sorted({item for spec in specs for item in spec.supervised_items})


def drafted(catalog: Catalog, specs: Sequence[EncoderSpec], options: ExtractOptions) -> FeatureSetDraft:
    """Describe the feature set that encoders of these specifications make of a catalog."""
    computed: dict[str, Json] = {
        "device": options.device,
        "threads": recorded_threads(options.threads, options.device),
        "libraries": library_versions(spec.request for spec in specs),
    }
    return FeatureSetDraft(
        rows=catalog.rows,
        dims={spec.space: spec.dim for spec in specs},
        spaces={
            spec.space: {
                **spec.provenance(),
                "encoder": spec.name,
                "dtype": options.dtype,
                "compute_dtype": spec.dtype,
            }
            for spec in specs
        },
        about={
            "requests": list(
                dict.fromkeys(told_request(spec.request) for spec in specs if spec.request is not None)
            ),
            "mask": next((spec.mask for spec in specs if spec.mask is not None), None),
            "source": catalog.manifest.source.document(),
            "text_recipe": catalog.manifest.text_recipe,
            "catalog": catalog.identity,
            **computed,
        },
        config={
            "catalog": catalog.identity,
            "encoders": {spec.space: spec.provenance() for spec in specs},
            "dtype": options.dtype,
            "batch_size": options.batch_size,
            "shard_rows": options.shard_rows,
            **computed,
        },
        dtype=options.dtype,
        shard_rows=options.shard_rows,
    )
