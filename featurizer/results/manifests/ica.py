"""The `manifest.json` of a pre-trained alignment: how well masked tokens are predicted, and from what."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from featurizer.results.manifests.manifest import Count, Manifest, Origin, Record, read_as

TERMS = ("contrastive", "copurchase")
"""What may be trained beyond mask-then-predict."""


class AccuracyEntry(Record):
    """How often masked tokens of held-out items are guessed right, with 95 % intervals over items."""

    side: str
    """What is masked: `text` or `image`."""
    items: Count
    """That count."""
    majority: float
    """Share of the most frequent class."""
    present: float
    """With the other modality there."""
    present_low: float
    """Lower end."""
    present_high: float
    """Upper end."""
    absent: float
    """Without it."""
    absent_low: float
    """Lower end."""
    absent_high: float
    """Upper end."""
    gain: float
    """The difference, item by item."""
    gain_low: float
    """Lower end."""
    gain_high: float
    """Upper end."""


class ProbeEntry(Record):
    """What a linear probe tells of a masked token from its visible neighbors alone."""

    tokens: str
    """Which ones."""
    accuracy: float
    """Of the probe."""
    majority: float
    """Of always guessing the most frequent class."""
    count: Count
    """Masked tokens."""


class IcaManifest(Manifest):
    """What `featurizer pretrain-ica` writes of a model."""

    format_version: int
    """Of the format."""
    featurizer_version: str
    """What wrote it."""
    model_type: Literal["ica"]
    """Tells it from a recommender."""
    train_items: Count
    """Items to learn from."""
    valid_items: Count
    """Held out."""
    epochs: Count
    """Until training stopped."""
    best_epoch: Count
    """The one that is kept."""
    valid_loss: float
    """Its loss on held-out items."""
    masked_accuracy: list[AccuracyEntry]
    """By side."""
    probe: list[ProbeEntry]
    """By kind of tokens."""
    source: Origin | None = None
    """The catalog's."""
    license: str | None = None
    """Under which the model may be shared, where `featurizer card --license` states it."""

    @property
    def terms(self) -> dict[str, JsonValue]:
        """The weights of the optional terms that were on."""
        options = self.config.get("options")
        objective = options.get("objective") if isinstance(options, dict) else None
        weights = objective if isinstance(objective, dict) else {}
        return {name: weights[name] for name in TERMS if weights.get(name)}


def read_ica_manifest(path: Path) -> IcaManifest:
    """Read a pre-trained alignment's `manifest.json`.

    Raises:
        InputError: it is missing or damaged.
    """
    return read_as(
        IcaManifest, path, cure="Expected what 'featurizer pretrain-ica' writes; train the model again."
    )
