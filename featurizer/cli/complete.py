"""What a shell offers for an argument that is a name: nothing is imported before it asks."""

from __future__ import annotations

from collections.abc import Iterable


def datasets(begun: str) -> list[str]:
    """Return the datasets whose names begin so."""
    from featurizer.catalog.datasets import load_datasets

    return _beginning(begun, load_datasets())


def encoders(begun: str) -> list[str]:
    """Return the presets whose names begin so."""
    from featurizer.encoders.presets import PRESETS

    return _beginning(begun, PRESETS)


def recipes(begun: str) -> list[str]:
    """Return the shipped recipes whose names begin so; the shell has the files itself."""
    from featurizer.recipes.recipe import shipped

    return _beginning(begun, shipped())


def _beginning(begun: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(begun)]
