"""`featurizer card`: render a feature set's card again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from featurizer.cli.console import result


def card(path: Annotated[Path, typer.Argument(help="A feature set folder.", metavar="DIR")]) -> None:
    """Write README.md, the dataset card, again from the manifest.

    Example: featurizer card ./features
    """
    from featurizer.features.feature_set import FeatureSet
    from featurizer.release.card import write_card

    result(str(write_card(FeatureSet.open(path))))
