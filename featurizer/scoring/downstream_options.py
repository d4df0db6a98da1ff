"""How recommenders are trained to judge a space; read by the command line, so nothing heavy is imported."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from featurizer.config import Config, Flag
from featurizer.recsys.registry import load_recommender


class DownstreamOptions(Config):
    """How recommenders are trained on the spaces, the same for each."""

    model: str = "alignrec"
    """The recommender that downstream trains."""
    epochs: Annotated[int, Field(ge=1)] | None = None
    """At most so many.  [default: the model's]"""
    seeds: Annotated[int, Field(ge=1)] = 3
    """Of each training, counted on from --seed."""
    trials: Annotated[int, Field(ge=0)] = 0
    """Of a search on validation before each training; 0 for none."""
    masked: Annotated[bool, Flag("--downstream")] = False
    """Train on the masked spaces, too."""

    @field_validator("model")
    @classmethod
    def _is_there(cls, name: str) -> str:
        """Refuse an unknown recommender before anything is scored."""
        return load_recommender(name).name
