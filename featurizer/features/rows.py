"""The rows of one shard, as they are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from featurizer.encoders.base import TextLoss


@dataclass(frozen=True, slots=True)
class ShardRows:
    """The rows of one shard, in item order: n items; `vectors[space]` is (n, dim), `present[space]` is (n,).

    `losses[space]` says of each of its texts what the encoder did not read, in any order, where it can say.
    """

    item_ids: list[str]
    has_image: np.ndarray
    has_text: np.ndarray
    errors: list[str | None]
    vectors: Mapping[str, np.ndarray]
    present: Mapping[str, np.ndarray]
    losses: Mapping[str, Sequence[TextLoss]] = field(default_factory=dict)
