"""The names that an option's value may have, for completion and for help; nothing is imported before it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from featurizer import registry


def datasets() -> Iterable[str]:
    """Return the datasets of data_manifest.yaml."""
    from featurizer.catalog.datasets import load_datasets

    return load_datasets()


def encoders() -> Iterable[str]:
    """Return the encoder presets."""
    from featurizer.encoders.presets import describe_presets

    return [one.preset.name for one in describe_presets()]


def scorers() -> Iterable[str]:
    """Return the scorers, plug-ins too."""
    return registry.names(registry.SCORERS)


def recommenders() -> Iterable[str]:
    """Return the recommenders, plug-ins too."""
    return registry.names(registry.RECOMMENDERS)


def formats() -> Iterable[str]:
    """Return the formats that can be written, plug-ins too."""
    from featurizer.release.exchange.format import formats as installed

    return sorted(one.name for one in installed() if one.write is not None)


def read_formats() -> Iterable[str]:
    """Return the formats, all of which can be read."""
    return registry.names(registry.FORMATS)


NAMES: Mapping[str, Callable[[], Iterable[str]]] = MappingProxyType(
    {
        "dataset": datasets,
        "encoder": encoders,
        "scorer": scorers,
        "recommender": recommenders,
        "format": formats,
        "read-format": read_formats,
    }
)
"""By what `Completed` says."""
