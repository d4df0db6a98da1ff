"""The command `extract`: a catalog becomes a feature set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from featurizer.config import Flag
from featurizer.errors import InputError
from featurizer.features.options import BATCH_SIZE, SHARD_ROWS, StoredDtype
from featurizer.operations.cluster import OnCluster
from featurizer.operations.feature_sets import (
    EncoderText,
    check_encoders,
    computing,
    encoder_folders,
    look_inside,
    nulls,
    spaces_line,
)
from featurizer.operations.operation import (
    Argument,
    Completed,
    Context,
    Folder,
    FolderOperation,
    Kind,
    Made,
    OptionGroup,
    Outcome,
    Reads,
)
from featurizer.records import Json
from featurizer.results.names import CARD
from featurizer.results.store_path import StorePath
from featurizer.values import counted

if TYPE_CHECKING:
    from featurizer.encoders.base import AnyEncoder
    from featurizer.features.extract import ExtractOptions
    from featurizer.features.feature_set import FeatureSet


class Extract(FolderOperation["FeatureSet"]):
    """Encode every item of a catalog and write a feature set.

    Example: featurizer extract ./catalog --encoder clip --encoder minilm --out ./features
    """

    makes: ClassVar[Mapping[Kind, str]] = {"features": "."}
    indifferent: ClassVar[frozenset[str]] = frozenset(
        {"workers", "decoders", "max_failures", "update", "cluster", "shard"}
    )

    addresses: ClassVar[frozenset[str]] = frozenset({"catalog", "out"})

    catalog: Annotated[Folder, Argument("CATALOG"), Reads(("catalog",))]
    """A catalog: a folder, or an address such as s3://bucket/catalog."""
    encoders: Annotated[
        tuple[EncoderText, ...], Field(min_length=1), Flag("--encoder", "-e"), Completed("encoder")
    ]
    """A preset, or family:model[@revision], or family:./folder, or NAME=…; with options: ,prompt=…,max_tokens=…."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:I or mps."""
    threads: Annotated[int, Field(ge=1)] | None = None
    """Threads that compute on the CPU; the bits of a result depend on how many.  [default: one a core]"""
    dtype: StoredDtype = "float32"
    """What vectors are stored in."""
    compute_dtype: Literal["float32", "tf32", "float16", "bfloat16"] = "float32"
    """What the models compute in: bfloat16 is faster where 'doctor' says so, tf32 is for NVIDIA GPUs."""
    batch_size: Annotated[int, Field(ge=1)] = BATCH_SIZE
    """Items a model sees at once."""
    shard_rows: Annotated[int, Field(ge=1)] = SHARD_ROWS
    """Items a shard; a killed run loses the shards in flight."""
    cluster: Annotated[
        OnCluster, OptionGroup(lambda: {"cluster": OnCluster}, without=frozenset({"workers"}))
    ] = OnCluster()
    """Who encodes."""
    workers: Annotated[int, Field(ge=1)] | None = None
    """Threads or processes that decode pictures; with ray, processes that encode.  [default: one a core, at most 8 on
    the CPU; with ray as many as fit]"""
    shard: Annotated[str, Field(pattern=r"^[1-9]\d*/[1-9]\d*$")] | None = None
    """I/N: only every N-th shard, from the I-th on. N such processes share one folder; the last one completes it."""
    decoders: Literal["auto", "threads", "processes"] = "auto"
    """Who decodes pictures: auto takes processes for a GPU and many pictures."""
    mask: Literal["image", "text"] | None = None
    """Hide one modality from an encoder ica:DIR or align:DIR."""
    images: Literal["first", "mean", "all"] = "first"
    """Of items with several pictures: encode the first, take the mean of all their normalized vectors, or give all to
    models that take several at once (and take the mean of others)."""
    update: bool = False
    """Encode only what changed since the set in --out was made, and copy every other vector."""
    trust_remote_code: tuple[str, ...] = ()
    """Run the code of its own that an encoder's repository holds: REPO@COMMIT, a full commit that you have read."""
    max_failures: Annotated[int, Field(ge=0)] | None = None
    """Exit with 3 when more items failed.  [default: no limit]"""

    @model_validator(mode="after")
    def _check(self) -> Extract:
        if self.update and self.overwrite:
            raise InputError(
                "--update keeps what is as it was, --overwrite makes everything again; give one of the two"
            )
        if self.update and (self.shard or self.cluster.engine != "local"):
            raise InputError(
                "--update encodes what changed in this process; leave --shard out, and --engine ray too"
            )
        if isinstance(self.out, StorePath) and (self.shard or self.update):
            raise InputError(
                f"--shard and --update need a folder that processes share or that can change places with another, and "
                f"{self.out} is an object store; give a folder of this machine, or leave them out (--engine ray lets "
                "several workers write one store)"
            )
        if self.shard is not None:
            number, of = map(int, self.shard.split("/"))
            if number > of:
                raise InputError(f"--shard {self.shard}; expected I/N with I from 1 to N, such as 1/4")
            shares = "--shard makes a part of what other processes share; leave"
            if self.cluster.engine != "local":
                raise InputError(f"{shares} --engine ray out")
            if self.overwrite:
                raise InputError(f"{shares} --overwrite out (remove the folder before all of them begin)")
        return self

    def precheck(self) -> None:
        """Refuse encoders and devices that are not there."""
        check_encoders(self.encoders, self.device)

    def updates(self) -> bool:
        """Say whether the set in the folder is brought up to date."""
        return self.update

    def runs_model(self) -> bool:
        """Say that it does."""
        return True

    def shares(self) -> bool:
        """Say whether it makes a part."""
        return self.shard is not None

    def remembers(self, outcome: Outcome[Any]) -> bool:
        """Say whether the set is complete by it."""
        return not isinstance(outcome.value, Made)

    def run(self, context: Context) -> Outcome[Any]:
        """Make the set, or a part of it, and say what there is now."""
        return self.outcome(self.open()) if self._write(context) else self._partial()

    def make(self, context: Context) -> FeatureSet:
        """Encode every item and write the feature set with its card."""
        self._write(context)
        return self.open()

    def _write(self, context: Context) -> bool:
        """Encode what there is to do, and say whether the set is complete by it; that writes its card."""
        from featurizer.release.card import write_card

        closes = self._on_ray(context) if self.cluster.engine == "ray" else self._here(context)
        if closes:
            write_card(self.open())
        return closes

    def _on_ray(self, context: Context) -> bool:
        from featurizer.actors import Cluster
        from featurizer.catalog.store import Catalog
        from featurizer.features.engines.on_ray import ray_engine
        from featurizer.features.engines.plan import Plan
        from featurizer.features.extract import write_extracted
        from featurizer.features.write import EVERYTHING

        self._resolve()
        catalog = Catalog.open(self.catalog.absolute())
        options = self._options(self.device)
        plan = Plan(
            catalog.folder,
            self.encoders,
            self.out.absolute(),
            replace(options, workers=None),
            self.compute_dtype,
            self.mask,
            self.trust_remote_code,
            self.images,
        )
        with ray_engine(
            plan, Cluster(self.cluster.address, self.workers, self.cluster.gpus_per_worker)
        ) as engine:
            workers = len(engine.actors.handles)
            context.say(
                f"{workers} {'worker' if workers == 1 else 'workers'} of Ray; {', '.join(engine.told.draft.dims)}"
            )
            return write_extracted(
                self.out,
                engine.told.draft,
                engine,
                EVERYTHING,
                catalog,
                engine.told.taught,
                options,
                report=context.report,
            )

    def _here(self, context: Context) -> bool:
        from featurizer.catalog.store import Catalog
        from featurizer.encoders.device import halves_pay, resolve_device
        from featurizer.features.extract import extract_part
        from featurizer.features.write import Part

        catalog = Catalog.open(self.catalog)
        encoders = self._load()
        where = resolve_device(self.device)
        for spec in (one.spec for one in encoders):
            told = spec.provenance()["model"]  # of a folder its name
            left = f"; not read: {', '.join(spec.not_read)}" if spec.not_read else ""
            context.say(f"{spec.space}: {spec.dim} dimensions, {spec.family}:{told} on {where}{left}")
        several = catalog.manifest.images
        if (
            several is not None
            and self.images == "first"
            and any(one.spec.modality == "image" for one in encoders)
        ):
            context.say(
                f"{counted(several.items, 'item names', 'items name')} several pictures: the first of each is encoded, "
                "all of them with --images mean"
            )
        if self.compute_dtype in ("bfloat16", "float16") and where == "cpu" and not halves_pay(where):
            context.say(
                f"this processor has no units for {self.compute_dtype}: float32 would be faster, up to twenty times"
            )
        part = Part(*map(int, (self.shard or "1/1").split("/")))
        return extract_part(catalog, encoders, self.out, self._options(where), part, report=context.report)

    def _options(self, device: str) -> ExtractOptions:
        from featurizer.features.extract import ExtractOptions

        return ExtractOptions(
            dtype=self.dtype,
            batch_size=self.batch_size,
            shard_rows=self.shard_rows,
            workers=self.workers,
            decoders=self.decoders,
            overwrite=self.overwrite,
            update=self.update,
            device=device,
            threads=self.threads,
        )

    def _resolve(self) -> None:
        """Have a wrong name or folder told before anything heavy is imported."""
        from featurizer.encoders.resolve import resolve
        from featurizer.results.names import FEATURE_SET
        from featurizer.results.stage import refuse_foreign

        refuse_foreign(self.out, FEATURE_SET)
        for name in self.encoders:
            resolve(name)

    def _load(self) -> Sequence[AnyEncoder]:
        self._resolve()
        from featurizer.encoders.device import resolve_device
        from featurizer.encoders.resolve import load_encoders

        where = resolve_device(self.device)
        return load_encoders(
            self.encoders,
            device=where,
            dtype=self.compute_dtype,
            mask=self.mask,
            trusted=self.trust_remote_code,
            images=self.images,
        )

    def open(self) -> FeatureSet:
        """Return the feature set."""
        from featurizer.features.feature_set import FeatureSet

        return FeatureSet.open(self.out)

    def outcome(self, value: FeatureSet) -> Outcome[FeatureSet]:
        """Count vectors and failures; exit code 3 when more items failed than allowed."""
        from featurizer.features.losses import text_losses

        update = value.manifest.update
        failures, failed, null = value.manifest.failures, value.manifest.failed, nulls(value)
        lines = [f"{value.folder}: {value.rows:,} items"]
        lines += [f"  {space}: {value.rows - count:,} vectors" for space, count in null.items()]
        lines += [f"  failed, {reason}: {count:,}" for reason, count in failures.items()] or [
            "  nothing failed"
        ]
        lines += [f"  {sentence}" for sentence in text_losses(value)]
        lines += [f"  {sentence}" for sentence in _updated(value)]
        warnings = [
            f"warning: {space} is empty: no item has {value.spaces[space].modality} that could be used"
            for space, count in null.items()
            if count == value.rows
        ]
        too_many = self.max_failures is not None and failed > self.max_failures
        if too_many:
            warnings.append(f"{failed} items failed, more than the {self.max_failures} allowed")
        return Outcome(
            value,
            spaces_line(value),
            "\n".join(lines),
            {
                "out": str(value.folder),
                "rows": value.rows,
                "spaces": list(value.spaces),
                "null": null,
                "failures": failures,
                "update": update and update.model_dump(),
            },
            (value.folder / CARD,),
            advice=(look_inside(value.folder),),
            warnings=tuple(warnings),
            code=3 if too_many else 0,
        )

    def _partial(self) -> Outcome[Any]:
        """Say that a part is written, of a set that is not complete."""
        told = f"part {self.shard} is written"
        return Outcome(
            Made(self.out, told),
            told,
            f"{self.out}: {told}; the set is complete when all {str(self.shard).partition('/')[2]} are",
            {"out": str(self.out), "shard": self.shard, "complete": False},
        )

    def encoder_folders(self) -> Iterator[tuple[str, Path]]:
        """Yield the folders of local encoders."""
        return encoder_folders("encoders", self.encoders)

    def depends(self) -> dict[str, Json]:
        """Return the libraries and the number of threads that a vector depends on."""
        return computing(self.encoders, self.threads)


def _updated(value: FeatureSet) -> Iterator[str]:
    """Say what an update found and did, where one made the set."""
    told = value.manifest.update
    if told is not None:
        new = counted(told.new, "item", "items")
        yield f"updated: {new} new, {told.changed:,} changed, {told.gone:,} gone"
        for space, encoded in told.encoded.items():
            yield f"{space}: {encoded:,} encoded, {value.rows - encoded:,} copied"
