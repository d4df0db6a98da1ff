"""A recommender's `manifest.json`: how it did under each seed, on what it was trained."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, JsonValue

from featurizer.results.manifests.manifest import Count, Manifest, Record, read_as


class SeedFigures(Record):
    """One seed's epochs and figures."""

    seed: int
    """Which."""
    best_epoch: Count
    """The one with the best validation."""
    epochs: Count
    """Until training stopped."""
    valid: dict[str, float]
    """By metric, `recall@20` for example."""
    test: dict[str, float]
    """Likewise."""


class Spread(Record):
    """A metric over seeds."""

    mean: float
    """Over the seeds."""
    sd: float | None
    """Standard deviation, n − 1; None of one seed."""


class GroupFigures(Record):
    """Recall of a part of the users or of the items."""

    name: str
    """`all`, `cold_items`, …."""
    users: Count
    """The mean is over."""
    positives: Count
    """Of theirs in the group."""
    recall: float | None
    """None without users."""


class RecommenderManifest(Manifest):
    """What `featurizer train` writes of a model; the figures outside `seeds` are the kept seed's."""

    format_version: int
    """Of the format."""
    featurizer_version: str
    """What wrote it."""
    model: str
    """Which recommender."""
    seed: int
    """The one with the best validation Recall@20."""
    best_epoch: Count
    """The one that is kept."""
    epochs: Count
    """Until training stopped."""
    seconds: float
    """Spent since it was last started."""
    valid: dict[str, float]
    """By metric."""
    test: dict[str, float]
    """Likewise."""
    seeds: list[SeedFigures]
    """One a seed."""
    over_seeds: dict[str, dict[str, Spread]]
    """By split and metric."""
    groups: list[GroupFigures]
    """Test Recall@20 of the kept seed."""
    data: dict[str, JsonValue]
    """What it was trained on, counted."""
    versions: dict[str, str]
    """Of what computed it."""
    files: dict[str, str] = Field(default_factory=dict)
    """The sha256 of what lies beside it, by name; empty where an earlier version wrote it."""
    license: str | None = None
    """Under which the model may be shared, where `featurizer card --license` states it."""


def read_recommender_manifest(path: Path) -> RecommenderManifest:
    """Read a recommender's `manifest.json`.

    Raises:
        InputError: it is missing or damaged.
    """
    return read_as(
        RecommenderManifest, path, cure="Expected what 'featurizer train' writes; train the model again."
    )
