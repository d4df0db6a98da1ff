"""The step `download`: a dataset of the manifest becomes a catalog."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from featurizer.interactions.split import SplitMethod
from featurizer.operations.made import catalog_outcome
from featurizer.operations.operation import Kind, Outcome, Target, Work
from featurizer.records import Json

if TYPE_CHECKING:
    from featurizer.catalog.store import Catalog

ORACLE = "oracle"
"""Folder of the sample's truth, beside its items."""


class Download(Work):
    """What `featurizer download` is told."""

    makes: ClassVar[Mapping[Kind, str]] = {"catalog": ".", "interactions": "interactions.parquet"}
    indifferent: ClassVar[frozenset[str]] = frozenset({"concurrency", "cache"})

    dataset: str
    """Its name in `data_manifest.yaml`."""
    k_core: Annotated[int, Field(ge=0)] | None = None
    """Keep users and items with at least so many interactions; the dataset's own where not given."""
    split: SplitMethod | None = None
    """How interactions are split; the dataset's own where not given."""
    seed: int = 0
    """Of the split."""
    all_items: bool = False
    """Keep items outside the k-core too."""
    images: bool = True
    """Fetch pictures."""
    concurrency: Annotated[int, Field(ge=1)] = 64
    """Pictures fetched at once."""
    cache: Path | None = None
    """Where downloaded files are kept; the user's cache folder where not given."""

    def make(self, to: Target, *, retry_failed: bool = False) -> Catalog:
        """Make the catalog; the sample's with what an oracle would know beside it."""
        from featurizer.catalog.datasets import SAMPLE, get_dataset
        from featurizer.catalog.download import DownloadOptions, download
        from featurizer.catalog.images import FetchOptions, ImageFetcher
        from featurizer.catalog.interactions import SplitOptions

        entry = get_dataset(self.dataset)
        k_core = entry.k_core if self.k_core is None else self.k_core
        options = DownloadOptions(
            SplitOptions(k_core, self.split or entry.split, self.seed),
            all_items=self.all_items,
            images=self.images,
            retry_failed=retry_failed,
            overwrite=to.overwrite,
            cache=self.cache,
        )
        with ImageFetcher(FetchOptions(concurrency=self.concurrency)) as fetcher:
            made = download(self.dataset, entry, to.out, options, fetcher=fetcher, report=to.report)
        if self.dataset == SAMPLE:
            from featurizer.features.oracle import write_oracle
            from featurizer.release.card import write_card

            write_card(write_oracle(made, to.out / ORACLE))
        return made

    def depends(self) -> dict[str, Json]:
        """Return what `data_manifest.yaml` says of the files and of how they are split."""
        from featurizer.catalog.datasets import get_dataset

        kept = {"format", "metadata", "interactions", "k_core", "split"}
        return {"entry": get_dataset(self.dataset).model_dump(mode="json", include=kept)}

    def run(self, to: Target) -> Outcome:
        """Make the catalog."""
        return catalog_outcome(self.make(to))
