"""A few items and their nearest: what a reader of a card can judge by eye."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter, ValidationError

from featurizer.catalog.store import Catalog
from featurizer.catalog.titles import titles_of
from featurizer.config import describe
from featurizer.errors import InputError
from featurizer.features.feature_set import FeatureSet
from featurizer.features.inspect import neighbors_of_items
from featurizer.features.lookup import read_rows
from featurizer.records import Json
from featurizer.results.files import read_json, write_json
from featurizer.results.names import EXAMPLES

ITEMS, NEIGHBORS = 2, 3


@dataclass(frozen=True, slots=True)
class Near:
    """One neighbor; `title` None where no catalog was given."""

    item_id: str
    title: str | None
    cosine: float


@dataclass(frozen=True, slots=True)
class Example:
    """An item and its nearest in each space that has a vector for it."""

    item_id: str
    title: str | None
    spaces: Mapping[str, list[Near]]


_EXAMPLES = TypeAdapter(list[Example])


def find_examples(feature_set: FeatureSet, titles: Mapping[str, str | None]) -> list[Example]:
    """Return a few items, spread over the set, with their nearest by cosine."""
    n = feature_set.rows
    rows = [(2 * place + 1) * n // (2 * ITEMS) for place in range(min(ITEMS, n))]
    if not rows:
        return []
    chosen = read_rows(feature_set, ["item_id"], np.array(rows)).column("item_id").to_pylist()
    return [
        Example(
            item,
            titles.get(item),
            {
                space: [Near(one.item_id, titles.get(one.item_id), round(one.cosine, 3)) for one in near]
                for space, near in spaces.items()
            },
        )
        for item, spaces in neighbors_of_items(feature_set, chosen, k=NEIGHBORS).items()
    ]


def with_titles(examples: Sequence[Example], catalog: Catalog) -> list[Example]:
    """Return the examples with the titles that a catalog has of their items."""
    near = {one.item_id for example in examples for rows in example.spaces.values() for one in rows}
    titles = titles_of(catalog, near | {one.item_id for one in examples})
    return [
        Example(
            one.item_id,
            titles.get(one.item_id),
            {
                space: [replace(other, title=titles.get(other.item_id)) for other in rows]
                for space, rows in one.spaces.items()
            },
        )
        for one in examples
    ]


def stored_examples(feature_set: FeatureSet) -> list[Example] | None:
    """Return the examples in the folder, if they are of this set."""
    path = feature_set.folder / EXAMPLES
    if not path.exists():
        return None
    found = read_json(path)
    if found.get("fingerprint") != feature_set.manifest.fingerprint:
        return None
    try:
        return _EXAMPLES.validate_python(found.get("items"))
    except ValidationError as error:
        raise InputError(
            f"{describe(error, path)}; delete the file, the card is written without it"
        ) from error


def store_examples(feature_set: FeatureSet, examples: list[Example]) -> Path:
    """Write the examples, so that the card comes out the same without the catalog."""
    path = feature_set.folder / EXAMPLES
    items: list[Json] = [dict(asdict(one)) for one in examples]
    write_json(path, {"fingerprint": feature_set.manifest.fingerprint, "items": items})
    return path
