"""The stage `align`: a feature set and interactions become a map and the feature set that it makes.

`out/model/` the map, `out/features/` the spaces it was learned on with `aligned` beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from math import inf
from pathlib import Path

import numpy as np
import polars as pl

import featurizer
from featurizer.alignment.fit import Alignment, fit
from featurizer.alignment.options import AlignOptions
from featurizer.alignment.saved_model import (
    FORMAT_VERSION,
    SPACE,
    WEIGHTS,
    AlignManifest,
    SavedMap,
    load_map,
    provenance,
    write_mapping,
)
from featurizer.errors import InputError
from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.features.feature_set import FeatureSet
from featurizer.features.join import SpaceVectors
from featurizer.features.supervised import SUPERVISED, attach_supervised
from featurizer.interactions.indexed import index_interactions
from featurizer.interactions.store import read_split
from featurizer.interactions.user_items import UserItems
from featurizer.records import Json
from featurizer.results.files import file_sha256
from featurizer.results.names import CARD, MODEL, SIGNATURE, SIGNATURE_AROUND
from featurizer.results.stage import Stage, refuse_others
from featurizer.results.whole import file_hashes

HOLDS = ("model", "features", CARD, SIGNATURE)
"""What may stand in a folder that is aligned into."""


@dataclass(frozen=True, slots=True)
class AlignStage:
    """What is aligned, and by what.

    Attributes:
        features: the feature set.
        interactions: split interactions; the train rows teach.
        out: the folder.
        spaces: which spaces; none for all that no interactions taught.
        weights: of each space in the join; None to choose them.
        item_map: asin ↔ itemID, where the interactions number their items.
        options: what to choose from.
        overwrite: replace what the folder holds.
    """

    features: FeatureSet
    interactions: Path
    out: Path
    spaces: tuple[str, ...] = ()
    weights: tuple[float, ...] | None = None
    item_map: Path | None = None
    options: AlignOptions = field(default_factory=AlignOptions)
    overwrite: bool = False

    def names(self) -> tuple[str, ...]:
        """Return the spaces that are mapped.

        Raises:
            UnknownName: there is no such space.
            InputError: no space is left, or there are other than as many weights, none of them above 0.
        """
        own = self.features.spaces
        names = self.spaces or tuple(name for name, spec in own.items() if not spec.saw_interactions)
        taught = [name for name in names if own[self.features.check_space(name)].saw_interactions]
        if SPACE in names or not names or taught:
            told = f"; {', '.join(taught)} saw interactions" if taught else ""
            raise InputError(
                f"{self.features.folder} has the spaces {', '.join(own)}{told}; expected spaces that no interactions "
                "taught, under another name than aligned"
            )
        if len(set(names)) < len(names):
            raise InputError(f"the spaces {', '.join(names)} are to be mapped; expected each once")
        if self.weights is not None and len(self.weights) != len(names):
            raise InputError(
                f"{len(self.weights)} weights for the spaces {', '.join(names)}; expected one a space, in that order"
            )
        if self.weights is not None and not (
            max(self.weights) > 0 and all(0 <= one < inf for one in self.weights)
        ):
            raise InputError(
                f"the weights are {', '.join(f'{weight:g}' for weight in self.weights)}; expected numbers from 0, one "
                "of them at least above 0"
            )
        return names

    @property
    def model(self) -> Stage:
        """The stage of the map."""
        config: dict[str, Json] = {
            "features": self.features.manifest.fingerprint,
            "spaces": list(self.names()),
            "weights": None if self.weights is None else list(self.weights),
            "interactions": file_sha256(self.interactions),
            "item_map": file_sha256(self.item_map) if self.item_map else None,
            "options": self.options.model_dump(mode="json"),
        }
        return Stage(self.out / "model", MODEL, config, (WEIGHTS, SUPERVISED, CARD, SIGNATURE_AROUND))


@dataclass(frozen=True, slots=True)
class Aligned:
    """What `align` leaves: a map and a feature set.

    Attributes:
        folder: what --out named.
        features: `aligned` beside the spaces it was made of.
        manifest: the map's manifest.
    """

    folder: Path
    features: FeatureSet
    manifest: AlignManifest

    @classmethod
    def open(cls, folder: Path) -> Aligned:
        """Open what is finished.

        Raises:
            InputError: it is not.
        """
        return cls(folder, FeatureSet.open(folder / "features"), load_map(folder).manifest)


def align(stage: AlignStage) -> Aligned:
    """Learn the map and write the feature set.

    Raises:
        StaleOutput: the folder holds the result of another configuration.
        InputError: there is too little to learn from, or a vector is not finite.
    """
    names = stage.names()
    parts = [stage.features.vectors(name) for name in names]
    refuse_others(stage.out, HOLDS, "'featurizer align' wrote")
    model = stage.model
    if not model.claim(overwrite=stage.overwrite):
        ids = stage.features.item_ids()
        rows = read_split(stage.interactions, item_map=stage.item_map)
        train = train_items(rows, ids)
        learned = fit(parts, train, stage.options, stage.weights)
        taught = [ids[row] for row in np.flatnonzero(learned.supervised).tolist()]
        write_mapping(model.folder, learned.mapping, taught)
        known = rows.filter(pl.col("split") == "train")["item_id"].is_in(ids)
        model.finish({**_manifest(stage, names, learned), "foreign_pairs": int((~known).sum())})
    _write_features(stage, names, parts, load_map(stage.out))
    return Aligned.open(stage.out)


def train_items(interactions: pl.DataFrame, item_ids: Sequence[str]) -> UserItems:
    """Return who has what among the train rows, by place in `item_ids`; rows of other items are left out.

    Raises:
        InputError: none of the items is among the train rows.
    """
    rows = interactions.filter(pl.col("split") == "train")
    train = index_interactions(rows, item_ids).splits["train"]
    if not len(train.items):
        raise InputError(
            f"no train interaction is of an item of the feature set ({rows['item_id'][0]} against {item_ids[0]}, "
            "for example); expected the same catalog, or --item-map for a file that numbers its items"
        )
    return train


def _manifest(stage: AlignStage, names: Sequence[str], learned: Alignment) -> dict[str, Json]:
    spaces: list[Json] = [
        {
            "name": name,
            "modality": spec.modality,
            "dim": spec.dim,
            "provenance": spec.document(),
        }
        for name, spec in ((name, stage.features.spaces[name]) for name in names)
    ]
    choice: dict[str, Json] = asdict(learned.choice)
    return {
        "format_version": FORMAT_VERSION,
        "featurizer_version": featurizer.__version__,
        "model_type": "align",
        "spaces": spaces,
        "weights": list(learned.choice.weights),
        "width": learned.mapping.matrix.shape[1],
        "requests": list(stage.features.manifest.requests),
        "choice": {**choice, "weights": list(learned.choice.weights)},
        "interactions": file_sha256(stage.interactions),
        "supervised_items": int(learned.supervised.sum()),
        "user_items": learned.user_items,
        "sampled_users": learned.sampled_users,
        "weight_hash": file_sha256(stage.out / "model" / WEIGHTS),
        "files": file_hashes(stage.out / "model" / name for name in (WEIGHTS, SUPERVISED)),
    }


def _write_features(
    stage: AlignStage, names: Sequence[str], parts: Sequence[SpaceVectors], saved: SavedMap
) -> FeatureSet:
    folder = stage.out / "features"
    vectors, present = saved.mapping(parts)
    own = stage.features.spaces
    spaces = [
        ArraySpace(
            SPACE, _modality(own[name].modality for name in names), vectors, present, provenance(saved)
        )
    ]
    spaces += [
        ArraySpace(name, own[name].modality, *part, own[name].document())
        for name, part in zip(names, parts, strict=True)
    ]
    source = stage.features.manifest.source
    known: dict[str, Json] = {} if source is None else source.document()
    ids = stage.features.item_ids()
    write_arrays(folder, ids, spaces, source=known, overwrite=stage.overwrite)
    attach_supervised(folder, saved.supervised)
    return FeatureSet.open(folder)


def _modality(sides: Iterable[str]) -> str:
    found = set(sides)
    return found.pop() if len(found) == 1 else "both"
