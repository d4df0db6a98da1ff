"""The `manifest.json` of a pre-trained alignment: how well masked tokens are predicted, and from what."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue

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
    """The one that is kept; 0 is the start."""
    training: Literal["used", "not used"] = "used"
    """Not used where no epoch was better than the start."""
    valid_loss: float
    """Its loss on held-out items."""
    masked_accuracy: list[AccuracyEntry]
    """By side."""
    probe: list[ProbeEntry]
    """By kind of tokens."""
    held_out: dict[str, float] = Field(default_factory=dict)
    """How near held-out items come to their own from one modality alone; what whole ones keep of their neighbors."""
    fills: dict[str, str] = Field(default_factory=dict)
    """By the part of the join that is missing: what stands in for it before training."""
    gate: dict[str, float] = Field(default_factory=dict)
    """Of the residual: of parts that are masked or missing, and of those seen whole."""
    residual_share: dict[str, float] = Field(default_factory=dict)
    """Mean share of the length of a held-out unified vector that training added, by what is missing."""
    source: Origin | None = None
    """The catalog's."""
    files: dict[str, str] = Field(default_factory=dict)
    """The sha256 of what lies beside it, by name; empty where an earlier version wrote it."""
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
