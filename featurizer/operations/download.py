"""The command `download`: a dataset of the manifest becomes a catalog."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, model_validator

from featurizer.catalog.fetching import Fetching
from featurizer.errors import InputError
from featurizer.interactions.methods import SplitMethod
from featurizer.operations.catalogs import catalog_outcome, failed_in
from featurizer.operations.cluster import OnCluster
from featurizer.operations.operation import (
    Argument,
    Completed,
    Context,
    FolderOperation,
    Kind,
    OptionGroup,
    Outcome,
)
from featurizer.records import Json
from featurizer.results.store_path import StorePath

if TYPE_CHECKING:
    from featurizer.catalog.store import Catalog
    from featurizer.features.feature_set import FeatureSet

ORACLE = "oracle"
"""Folder of the sample's truth, beside its items."""


class Download(FolderOperation["Catalog"]):
    """Download metadata, interactions and pictures of a dataset and make a catalog; run again to resume.

    Example: featurizer download amazon-2014-baby --out ./baby
    """

    makes: ClassVar[Mapping[Kind, str]] = {"catalog": ".", "interactions": "interactions.parquet"}
    addresses: ClassVar[frozenset[str]] = frozenset({"out"})
    indifferent: ClassVar[frozenset[str]] = frozenset(
        {"fetching", "cluster", "cache", "max_bad_rows", "max_failures", "retry_failed"}
    )

    dataset: Annotated[str, Argument("NAME"), Completed("dataset")]
    """A dataset's name; 'featurizer datasets' lists them."""
    k_core: Annotated[int, Field(ge=0)] | None = None
    """Keep users and items with at least so many interactions, if there are any.  [default: the dataset's]"""
    split: SplitMethod | None = None
    """random, leave-one-out, global-time or cold-items:SHARE.  [default: the dataset's]"""
    seed: int = 0
    """Seed of the split."""
    all_items: bool = False
    """Keep items outside the k-core too."""
    images: bool = True
    """Fetch the pictures, or leave them where they are."""
    max_images: Annotated[int, Field(ge=1)] = 1
    """Pictures that an item keeps, where it names several."""
    retry_failed: bool = False
    """Ask once more for the pictures that failed, and change nothing else."""
    fetching: Annotated[Fetching, OptionGroup(lambda: {"fetching": Fetching})] = Fetching()
    """How pictures are fetched."""
    cluster: Annotated[
        OnCluster, OptionGroup(lambda: {"cluster": OnCluster}, without=frozenset({"gpus_per_worker"}))
    ] = OnCluster()
    """Who fetches them; of the requests that one host is asked at once each worker has its share."""
    cache: Path | None = None
    """Where downloaded files are kept.  [default: FEATURIZER_CACHE or ~/.cache/featurizer]"""
    max_bad_rows: Annotated[int, Field(ge=0)] | None = None
    """Stop when more lines of a file cannot be read; the others are skipped and counted.  [default: half of them]"""
    max_failures: Annotated[int, Field(ge=0)] | None = None
    """Exit with 3 when more pictures failed.  [default: half of them]"""

    @model_validator(mode="after")
    def _check(self) -> Download:
        if self.cluster.engine == "ray" and self.retry_failed:
            raise InputError(
                "--retry-failed asks for what is missing, from this process; leave --engine ray out"
            )
        from featurizer.catalog.datasets import SAMPLE, get_dataset

        if isinstance(self.out, StorePath) and (
            self.retry_failed or self.cluster.engine == "ray" or self.dataset == SAMPLE
        ):
            raise InputError(
                f"--retry-failed, --engine ray and the sample work in a folder, and {self.out} is an object store; "
                "give a folder of this machine, or leave them out"
            )
        asked = {"k-core": self.k_core, "split": self.split, "all-items": self.all_items or None}
        of_pairs = [f"--{name}" for name, value in asked.items() if value is not None]
        if of_pairs and not get_dataset(self.dataset).has_interactions:
            raise InputError(
                f"{self.dataset} has no interactions, and {of_pairs[0]} is about those; expected none of --k-core, "
                "--split and --all-items: all of its items are taken"
            )
        return self

    def run(self, context: Context) -> Outcome[Catalog]:
        """Make the catalog, and say what it holds and what was done."""
        before = failed_in(self.out) if self.retry_failed and not self.overwrite else None
        return catalog_outcome(self.make(context), self.max_failures, failed_before=before)

    def make(self, context: Context) -> Catalog:
        """Make the catalog."""
        from featurizer.catalog.datasets import get_dataset
        from featurizer.catalog.download import download
        from featurizer.catalog.images import ImageFetcher
        from featurizer.catalog.interactions import SplitOptions

        entry = get_dataset(self.dataset)
        k_core = entry.k_core if self.k_core is None else self.k_core
        with ImageFetcher(self.fetching.options()) as fetcher:
            made = download(
                self.dataset,
                entry,
                self.out,
                split=SplitOptions(k_core, self.split or entry.split, self.seed),
                fetcher=fetcher,
                all_items=self.all_items,
                images=self.images,
                max_images=self.max_images,
                cache=self.cache,
                max_bad_rows=self.max_bad_rows,
                overwrite=self.overwrite,
                retry=self.retry_failed,
                cluster=self.cluster.cluster(),
                report=context.report,
            )
        self._write_oracle(made, context)
        return made

    def _write_oracle(self, made: Catalog, context: Context) -> None:
        """Write what an oracle would know of the sample's items, beside them, as a feature set with its card."""
        from featurizer.catalog.datasets import SAMPLE

        if self.dataset != SAMPLE:
            return
        from featurizer.release.card import write_card

        out = made.folder / ORACLE
        write_card(oracle_set(made, out))
        context.say(f"{out}: what an oracle would know of each item, as a feature set")

    def reopens(self) -> bool:
        """Say whether failed pictures are fetched once more."""
        return self.retry_failed

    def open(self) -> Catalog:
        """Return the catalog."""
        from featurizer.catalog.store import Catalog

        return Catalog.open(self.out)

    def outcome(self, value: Catalog) -> Outcome[Catalog]:
        """Count items, pictures and pairs."""
        return catalog_outcome(value, self.max_failures)

    def depends(self) -> dict[str, Json]:
        """Return what `data_manifest.yaml` says of the files and of how they are split."""
        from featurizer.catalog.datasets import get_dataset

        entry = get_dataset(self.dataset)
        kept = {"format", "k_core", "split"}
        return {"entry": entry.model_dump(mode="json", include=kept) | entry.files()}

    def products(self) -> tuple[Path, ...]:
        """Return the catalog, and its interactions where the dataset has any."""
        from featurizer.catalog.datasets import get_dataset

        pairs = (self.out / self.makes["interactions"],) if get_dataset(self.dataset).has_interactions else ()
        return (self.out, *pairs)


def oracle_set(catalog: Catalog, out: Path) -> FeatureSet:
    """Write the traits of the sample's items as a feature set, in the catalog's order.

    Args:
        catalog: the sample's catalog; its drawing lies in `source/` inside.
        out: folder of the feature set.
    """
    import numpy as np
    import pyarrow.parquet as pq

    from featurizer.catalog.sample.oracle import SPACES
    from featurizer.features.arrays import ArraySpace, write_arrays
    from featurizer.features.schema import arrow_to_vectors

    table = pq.read_table(catalog.folder / "source" / "oracle.parquet")
    place = {item: row for row, item in enumerate(table.column("item_id").to_pylist())}
    ids = catalog.column("item_id").to_pylist()
    rows = np.array([place[item] for item in ids])
    spaces = [
        ArraySpace(
            space,
            "both" if space == "oracle_all" else space.removeprefix("oracle_"),
            arrow_to_vectors(table.column(space))[0][rows],
            provenance={"family": "oracle", "model": " ".join(traits), "source": "the sample's traits"},
        )
        for space, traits in SPACES.items()
    ]
    about: dict[str, Json] = {"name": "sample oracle", "license": "Apache-2.0"}
    return write_arrays(out, ids, spaces, source=about, overwrite=True)
