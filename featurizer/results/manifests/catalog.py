"""`catalog.json`: what the items of a catalog are, and where they come from."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from pydantic import Field, JsonValue

from featurizer.results.manifests.manifest import Count, Manifest, Origin, Record, read_as


class InteractionCounts(Record):
    """The interactions beside the items, counted."""

    users: Count
    """Who used something."""
    items: Count
    """That were used."""
    interactions: Count
    """Pairs."""
    train: Count
    """Of these, to learn from."""
    valid: Count
    """To choose by."""
    test: Count
    """To report."""
    density: float
    """Pairs per user and item."""
    items_without_catalog_row: Count = 0
    """Used, but not in the catalog."""
    sha256: str | None = None
    """Of their file; None where an earlier version wrote it."""


class SeveralPictures(Record):
    """The items that name several pictures."""

    items: Count
    """How many they are."""
    further: dict[str, Count]
    """Their pictures beside the first, by what became of each; `repeated` are those that one before is equal to."""


class CatalogChanges(Record):
    """How a catalog differs from the one before."""

    new: Count
    """Items that were not there."""
    gone: Count
    """Items that are not there any more."""
    withdrawn: Count = 0
    """Items that stay though the source has them no more."""
    text: Count
    """Items with another text."""
    picture: Count
    """Items with another picture."""
    fields: Count
    """Items of which anything else is another."""
    unchanged: Count
    """Items that are what they were."""
    unverified: Count = 0
    """Pictures that stay what they were, for their server could not say whether they still are."""


class CatalogManifest(Manifest):
    """What `catalog.json` says."""

    format_version: int
    """Of the format."""
    featurizer_version: str
    """What wrote it."""
    source: Origin = Origin()
    """Where the items come from."""
    text_recipe: dict[str, JsonValue] | None = None
    """How `text` was rendered."""
    parts: Count
    """Files in `items/`."""
    rows: Count
    """Items."""
    columns: list[str]
    """Of every part, in order."""
    image_status: dict[str, Count]
    """Items by what became of their picture, of several the first."""
    images: SeveralPictures | None = None
    """None where no item names several."""
    with_text: Count
    """Items with a text."""
    data_sha256: str
    """Over all parts."""
    notes: dict[str, JsonValue] = Field(default_factory=dict)
    """What the source says of how it was read."""
    mapping: dict[str, str] = Field(default_factory=dict)
    """Which column of the source each field of an item was read from; empty where the source has no columns."""
    interactions: InteractionCounts | None = None
    """None where there are none."""
    update: CatalogChanges | None = None
    """How it differs from the one whose place it took, where `ingest --update` made it."""

    @property
    def pictures(self) -> Counter[str]:
        """All pictures by what became of them, those beside the first of an item, too."""
        return Counter(self.image_status) + Counter(self.images.further if self.images is not None else {})


def read_catalog_manifest(path: Path) -> CatalogManifest:
    """Read `catalog.json`.

    Raises:
        InputError: it is missing or damaged.
    """
    return read_as(CatalogManifest, path, cure="Make the catalog again, with --overwrite.")
