"""Names in the place of numbers: what a data set of the Hub calls its ClassLabels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from featurizer.errors import InputError

HUB_KEY = b"huggingface"
"""The key of a Parquet file's metadata that says the columns' features."""


@dataclass(frozen=True, slots=True)
class ClassLabels:
    """The names of each column that holds ClassLabels, or lists of them.

    Attributes:
        names: by column.
    """

    names: Mapping[str, tuple[str, ...]]

    @classmethod
    def of_features(cls, features: Mapping[str, object]) -> ClassLabels:
        """Find them among features as `datasets.Features.to_dict` gives them."""
        found = {column: _names(feature) for column, feature in features.items()}
        return cls({column: names for column, names in found.items() if names})

    @classmethod
    def of_schema(cls, schema: pa.Schema) -> ClassLabels:
        """Find them in what `datasets` writes into a Parquet file's metadata; a file of another origin has none."""
        told = json.loads((schema.metadata or {}).get(HUB_KEY, b"{}"))
        features = told.get("info", {}).get("features") if isinstance(told, dict) else None
        return cls.of_features(features if isinstance(features, dict) else {})

    def named(self, row: Mapping[str, object]) -> Mapping[str, object]:
        """Return a row with names in the place of numbers; a negative number, `datasets`' sign for none, is None.

        Raises:
            InputError: a number has no name.
        """
        if not self.names:
            return row
        return {
            **row,
            **{column: _named(row.get(column), names, column) for column, names in self.names.items()},
        }


def _names(feature: object) -> tuple[str, ...]:
    if isinstance(feature, list):  # a list of one feature, as it was written before there was a type for it
        return _names(feature[0]) if len(feature) == 1 else ()
    if not isinstance(feature, Mapping):
        return ()
    if feature.get("_type") == "ClassLabel":
        return tuple(map(str, feature.get("names") or ()))
    return _names(feature.get("feature"))


def _named(value: object, names: tuple[str, ...], column: str) -> object:
    if isinstance(value, list):
        return [_named(part, names, column) for part in value]
    if not isinstance(value, int) or value < 0:
        return value if not isinstance(value, int) else None
    if value >= len(names):
        raise InputError(
            f"column {column} holds the class {value}; expected 0 to {len(names) - 1}, as its names say"
        )
    return names[value]
