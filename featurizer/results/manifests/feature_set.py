"""`feature_set.json`: the spaces of a feature set with their provenance, its shards, counts and source."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue

from featurizer.results.manifests.manifest import Count, Manifest, Origin, Record, read_as


class Supervision(Record):
    """Which interactions taught a space."""

    interactions: str
    """The sha256 of their file."""
    items: Count
    """How many items they are of; `supervised.parquet` beside the manifest lists them."""


class SpaceProvenance(Record):
    """One space: how its vectors came about."""

    modality: Literal["image", "text", "both"]
    """What they were made from."""
    dim: Count
    """Numbers a vector."""
    dtype: Literal["float32", "float16"]
    """As they are stored."""
    encoder: str
    """As the encoder calls itself."""
    null: Count
    """Items without a vector."""
    family: str | None
    """The library, `timm` for example."""
    model: str | None
    """The model as its library names it."""
    revision: str | None
    """Of the model's repository."""
    source: str | None
    """Where the weights came from."""
    weight_hash: str | None
    """The sha256 of the weights."""
    pooling: str | None
    """How one vector came of many."""
    normalized: bool | None
    """Whether the model's own pipeline ends in L2 normalization."""
    preprocessing: dict[str, JsonValue]
    """What was done to a picture or a text before."""
    license: str | None
    """Of the weights."""
    texts_cut: Count | None = None
    """Texts that are longer than the encoder's limit, so that their end was not read; None where nobody counted."""
    texts_unknown: Count | None = None
    """Texts of which the encoder does not know more than half of the tokens; None where nobody counted."""
    compute_dtype: str | None = None
    """What the encoder computed in."""
    memory_format: str | None = None
    """How the pictures of a convolutional encoder lay in memory; None for torch's own order."""
    images: Literal["mean", "all"] | None = None
    """How an item's pictures became one vector: the mean of theirs, or read together; None where the first picture
    alone was encoded."""
    not_read: tuple[str, ...] = ()
    """What else the model takes, which nothing was made of."""
    plugin: dict[str, str] | None = None
    """The package that brought the encoder, where it is not ours."""
    remote_code: str | None = None
    """The repository and commit whose own code the encoder ran; None where it ran none."""
    supervised: Supervision | None = None
    """The interactions that taught it; None where content alone did."""

    @property
    def saw_interactions(self) -> bool:
        """Whether any interaction taught it, or chose anything of it, such as the epoch of a pre-training."""
        terms = self.preprocessing.get("terms")
        chosen = isinstance(terms, dict) and bool(terms.get("copurchase") or terms.get("epoch"))
        return self.supervised is not None or chosen

    @property
    def interactions(self) -> str | None:
        """The sha256 of the interactions that taught it; None where that is not recorded."""
        return None if self.supervised is None else self.supervised.interactions

    @property
    def mask(self) -> JsonValue:
        """The modality that an encoder of both was told to do without; None for none."""
        return self.preprocessing.get("mask")


class ShardEntry(Record):
    """One file of vectors."""

    path: str
    """Relative to the folder."""
    rows: Count
    """Items in it."""
    bytes: Count
    """Its size."""
    sha256: str
    """Of the file."""
    item_ids: str | None = None
    """The sha256 of its ids, a line each; None where an earlier version wrote it, as of the next two."""
    null: dict[str, Count] | None = None
    """Items without a vector, by space."""
    zero: dict[str, Count] | None = None
    """Vectors of nothing but zeros, by space."""


class UpdateCounts(Record):
    """What an update found and did."""

    new: Count
    """Items that were not in the set before."""
    changed: Count
    """Items of another text or picture than before."""
    gone: Count
    """Items that are no more."""
    encoded: dict[str, Count]
    """Items that were encoded, by space; every other vector was copied."""


class FeatureSetManifest(Manifest):
    """What `feature_set.json` says."""

    format_version: int
    """Of the format."""
    featurizer_version: str
    """What wrote it."""
    rows: Count
    """Items."""
    with_image: Count
    """Items with a picture that could be used."""
    with_text: Count
    """Items with a text."""
    failed: Count
    """Items of which something failed."""
    failures: dict[str, Count]
    """Items by what failed."""
    requests: list[str] = Field(default_factory=list)
    """The encoders as a user named them; none of a set that no encoder of ours made."""
    mask: Literal["image", "text"] | None = None
    """The modality that encoders of both were told to do without."""
    spaces: dict[str, SpaceProvenance]
    """By name."""
    shards: list[ShardEntry]
    """In row order."""
    source: Origin | None = None
    """The catalog's, or what an import states."""
    text_recipe: dict[str, JsonValue] | None = None
    """The catalog's."""
    catalog: dict[str, str] | None = None
    """The identity of the catalog that it was made from; None of a set that was imported."""
    device: str | None = None
    """What it was computed on."""
    threads: int | None = None
    """How many computed it, where that matters."""
    libraries: dict[str, str] = Field(default_factory=dict)
    """Versions of what can change a vector."""
    seconds: dict[str, float] = Field(default_factory=dict)
    """Spent, by what on."""
    files: dict[str, str] = Field(default_factory=dict)
    """The sha256 of `supervised.parquet`, by name; empty where there is none, or an earlier version wrote it."""
    update: UpdateCounts | None = None
    """What `extract --update` found and did, where that made the set."""
    license: str | None = None
    """Of the vectors, where `featurizer card --license` states it."""


def read_feature_set_manifest(path: Path) -> FeatureSetManifest:
    """Read `feature_set.json`.

    Raises:
        InputError: it is missing or damaged.
    """
    return read_as(FeatureSetManifest, path, cure="Make the feature set again, or fetch it again.")
