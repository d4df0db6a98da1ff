"""A feature set as it is asked for, in names alone: what another process needs to make shards of it."""

from __future__ import annotations

import platform
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from featurizer.actors import Told, check_unchanged
from featurizer.catalog.store import Catalog
from featurizer.encoders.base import AnyEncoder, Dtype, Images, Modality
from featurizer.encoders.device import resolve_device
from featurizer.encoders.resolve import load_encoders
from featurizer.errors import FeaturizerError
from featurizer.features.clock import Clock
from featurizer.features.draft import FeatureSetDraft
from featurizer.features.extract import ExtractOptions, drafted, encoding, taught_by
from featurizer.features.shards import ShardMetadata, finished_shard, write_shard
from featurizer.features.update import EncodeRows
from featurizer.memory import keep_freed_memory


@dataclass(frozen=True, slots=True)
class Plan:
    """What is made of what.

    Attributes:
        catalog: its folder, absolute, as every worker sees it.
        encoders: as a user names them.
        out: the set's folder, likewise.
        options: how; the device may be `auto`, each worker's own.
        compute_dtype: what the models compute in.
        mask: the modality that encoders of both do without.
        trusted: the repositories whose own code may be run, `REPO@COMMIT`.
        images: what encoders of pictures see of an item's.
    """

    catalog: Path
    encoders: tuple[str, ...]
    out: Path
    options: ExtractOptions
    compute_dtype: Dtype = "float32"
    mask: Modality | None = None
    trusted: tuple[str, ...] = ()
    images: Images = "first"


@dataclass(frozen=True, slots=True)
class ShardTold(Told):
    """What a worker says of itself, and of the set.

    Attributes:
        draft: the set as it would make it.
        taught: the ids of the items whose interactions taught an encoder.
    """

    draft: FeatureSetDraft
    taught: tuple[str, ...]


@dataclass
class ShardWorker:
    """Makes shards of a plan; catalog and encoders are opened with the first question.

    For whatever is wrong with the plan it raises `FeaturizerError` itself, which can be sent to another process.

    Attributes:
        plan: what is made.
        open: what stays open as long as it works.
    """

    plan: Plan
    open: ExitStack = field(default_factory=ExitStack)

    def told(self) -> ShardTold:
        """Say what it would make, and of what."""
        draft, encoders, _ = self._loaded
        specs = [encoder.spec for encoder in encoders]
        here = Told.of(draft.config)
        return ShardTold(here.host, here.config, draft, tuple(taught_by(specs)))

    def write(self, index: int, expected: str) -> ShardMetadata:
        """Make a shard and write it, unless it is finished.

        Args:
            index: which.
            expected: the fingerprint of what the workers made when they began; one that was started again may be on
                another machine.
        """
        draft, encoders, encode = self._loaded
        check_unchanged(self.told(), expected)
        found = finished_shard(self.plan.out, index, draft)
        if found is not None:
            return found
        clock = Clock()
        try:
            rows = encode(encoders, draft.rows_of(index), clock, lambda rows, failed: None)
            return write_shard(self.plan.out, index, draft, rows, clock.seconds)
        except FeaturizerError as error:
            raise FeaturizerError(f"{platform.node()}: {error}") from error

    @cached_property
    def _loaded(self) -> tuple[FeatureSetDraft, list[AnyEncoder], EncodeRows]:
        plan = self.plan
        keep_freed_memory()
        try:
            device = resolve_device(plan.options.device)
            options = replace(plan.options, device=device)
            catalog = Catalog.open(plan.catalog)
            encoders = load_encoders(
                plan.encoders,
                device=device,
                dtype=plan.compute_dtype,
                mask=plan.mask,
                trusted=plan.trusted,
                images=plan.images,
            )
            draft = drafted(catalog, [encoder.spec for encoder in encoders], options)
            return draft, encoders, self.open.enter_context(encoding(catalog, encoders, options))
        except FeaturizerError as error:
            raise FeaturizerError(f"{platform.node()}: {error}") from error
