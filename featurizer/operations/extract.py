"""The step `extract`: a catalog becomes a feature set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from featurizer.operations.made import encoder_folders, features_summary
from featurizer.operations.operation import Kind, Outcome, Reads, Target, Work
from featurizer.records import Json

if TYPE_CHECKING:
    from featurizer.encoders.base import AnyEncoder
    from featurizer.features.feature_set import FeatureSet


class Extract(Work):
    """What `featurizer extract` is told."""

    makes: ClassVar[Mapping[Kind, str]] = {"features": "."}
    indifferent: ClassVar[frozenset[str]] = frozenset({"workers"})

    catalog: Annotated[Path, Reads(("catalog",))]
    """The catalog."""
    encoders: Annotated[tuple[str, ...], Field(min_length=1)]
    """Presets, family:model[@revision], family:./folder, or NAME=…."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:I or mps."""
    dtype: Literal["float32", "float16"] = "float32"
    """What vectors are stored in."""
    compute_dtype: Literal["float32", "float16", "bfloat16"] = "float32"
    """What the models compute in."""
    batch_size: Annotated[int, Field(ge=1)] = 32
    """Items a model sees at once."""
    shard_rows: Annotated[int, Field(ge=1)] = 2048
    """Items a shard."""
    workers: Annotated[int, Field(ge=1)] | None = None
    """Threads that decode pictures."""
    mask: Literal["image", "text"] | None = None
    """Hide one modality from an encoder ica:DIR."""

    def load(self, out: Path) -> list[AnyEncoder]:
        """Load the encoders; a wrong name or folder is told before anything heavy is imported."""
        from featurizer.catalog.store import Catalog
        from featurizer.encoders.resolve import resolve
        from featurizer.features.feature_set import MANIFEST
        from featurizer.results.stage import refuse_foreign

        Catalog.open(self.catalog)
        refuse_foreign(out, MANIFEST)
        for name in self.encoders:
            resolve(name)
        from featurizer.encoders.device import resolve_device
        from featurizer.encoders.resolve import load_encoders

        where = resolve_device(self.device)
        return list(load_encoders(self.encoders, device=where, dtype=self.compute_dtype, mask=self.mask))

    def make(self, to: Target, encoders: Sequence[AnyEncoder]) -> FeatureSet:
        """Encode every item and write the feature set with its card."""
        from featurizer.catalog.store import Catalog
        from featurizer.encoders.device import resolve_device
        from featurizer.features.extract import ExtractOptions, extract
        from featurizer.release.card import write_card

        options = ExtractOptions(
            dtype=self.dtype,
            batch_size=self.batch_size,
            shard_rows=self.shard_rows,
            workers=self.workers,
            overwrite=to.overwrite,
            device=resolve_device(self.device),
        )
        made = extract(Catalog.open(self.catalog), encoders, to.out, options, report=to.report)
        write_card(made)
        return made

    def run(self, to: Target) -> Outcome:
        """Load the encoders and make the set."""
        made = self.make(to, self.load(to.out))
        return Outcome(features_summary(made), (made.folder / "README.md",))

    def folders(self) -> Iterator[tuple[str, Path]]:
        """Yield the folders of local encoders."""
        return encoder_folders("encoders", self.encoders)

    def depends(self) -> dict[str, Json]:
        """Return the libraries that a vector depends on."""
        from featurizer.features.extract import library_versions

        return {"libraries": library_versions()}
