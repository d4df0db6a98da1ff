"""`data_manifest.yaml`: the datasets that `featurizer download` knows, validated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from featurizer import registry
from featurizer.config import Config, load_yaml
from featurizer.errors import UnknownName
from featurizer.interactions.methods import SplitMethod
from featurizer.records import Json
from featurizer.resources import asset

FILE = "data_manifest.yaml"
SAMPLE = "sample"

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def _known_format(name: str) -> str:
    known = registry.names(registry.SOURCES)
    if name not in known:
        raise ValueError(f"no installed source format is called '{name}'; known: {', '.join(known)}")
    return name


def _openable(url: str) -> str:
    if "://" not in url or url.startswith("://"):
        raise ValueError("expected an address with a scheme (https://, file://, s3://, …)")
    return url


class DatasetFile(Config):
    """One file to download."""

    url: Annotated[str, AfterValidator(_openable)]
    """Address; http(s), file, or whatever fsspec opens."""
    bytes: Annotated[int, Field(gt=0)] | None = None
    """Size where it is known; checked after the download."""
    sha256: Sha256 | None = None
    """Checksum where it is known; checked after the download."""


class PictureTable(DatasetFile):
    """The file that says where each picture lies, where items name theirs by an id."""

    below: Annotated[str, AfterValidator(_openable)]
    """Address that its paths start from, with the slash at its end."""


class Expected(Config):
    """What the k-core and the split should give; compared after a download, differences are reported."""

    users: int | None = None
    """Users after the k-core."""
    items: int | None = None
    """Items after the k-core; without interactions all of them."""
    interactions: int | None = None
    """User-item pairs after the k-core."""
    train: int | None = None
    """Pairs in train."""
    valid: int | None = None
    """Pairs in valid."""
    test: int | None = None
    """Pairs in test."""


class DatasetEntry(Config):
    """One dataset."""

    title: str
    """A line for people."""
    format: Annotated[str, AfterValidator(_known_format)]
    """The source format that parses its files: an entry point of `featurizer.sources`."""
    metadata: DatasetFile | None = None
    """Items, one a line; None for the sample, which is drawn."""
    more_metadata: tuple[DatasetFile, ...] = ()
    """Further files of items, read behind that one in this order."""
    interactions: DatasetFile | None = None
    """Reviews or ratings; None for the sample, and for items that come without."""
    pictures: PictureTable | None = None
    """Where pictures lie, if the items name them by an id."""
    k_core: Annotated[int, Field(ge=0)] = 5
    """Default of --k-core."""
    split: SplitMethod = "random"
    """Default of --split."""
    license: str
    """SPDX id, or `unknown` where the publisher states none."""
    terms: str
    """What the publisher says of use."""
    citation: str
    """What to cite."""
    homepage: str | None = None
    """Where it is described."""
    expected: Expected = Expected()
    """Known statistics."""

    @property
    def drawn(self) -> bool:
        """Whether it is the sample, which no file is fetched for."""
        return self.metadata is None

    @property
    def has_interactions(self) -> bool:
        """Whether it says who used what."""
        return self.drawn or self.interactions is not None

    @property
    def metadata_files(self) -> tuple[DatasetFile, ...]:
        """The files of items, in order."""
        return () if self.metadata is None else (self.metadata, *self.more_metadata)

    def files(self) -> dict[str, Json]:
        """Return what it says of its files: what is made of them changes with it."""
        named = {"metadata", "interactions"}
        named |= {name for name in ("more_metadata", "pictures") if getattr(self, name)}
        return self.model_dump(mode="json", include=named)


class DataManifest(Config):
    """The whole file."""

    version: Annotated[int, Field(ge=1, le=1)]
    """Of the file's schema."""
    texts: Mapping[str, str] = {}
    """Passages that entries share by YAML anchors."""
    datasets: dict[Name, DatasetEntry]
    """By name."""


def load_datasets(text: str | None = None, *, origin: str = FILE) -> dict[str, DatasetEntry]:
    """Parse the shipped manifest, or another one given as text.

    Raises:
        InputError: names file, entry and field, what was found and what was expected.
    """
    document = asset(FILE).read_text("utf-8") if text is None else text
    return dict(load_yaml(DataManifest, document, origin=origin).datasets)


def get_dataset(name: str) -> DatasetEntry:
    """Return one dataset.

    Raises:
        UnknownName: with the nearest names.
    """
    datasets = load_datasets()
    if name not in datasets:
        raise UnknownName("dataset", name, datasets, advice="'featurizer datasets' lists them.")
    return datasets[name]
