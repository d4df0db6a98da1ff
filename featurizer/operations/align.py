"""The command `align`: a feature set and interactions become features that know what is bought together."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from featurizer.alignment.options import RANKS
from featurizer.config import Flag
from featurizer.operations.feature_sets import look_inside
from featurizer.operations.operation import (
    Argument,
    Context,
    Folder,
    FolderOperation,
    InteractionsPath,
    Kind,
    Outcome,
    Reads,
)
from featurizer.operations.text import table
from featurizer.results.names import CARD

if TYPE_CHECKING:
    from featurizer.alignment.align import Aligned
    from featurizer.records import Json


class Align(FolderOperation["Aligned"]):
    """Align features with behavior: a linear map, in closed form, that also serves items nobody has bought yet.

    Everything is chosen on held-out items inside the train interactions; valid and test rows are not looked at.

    Example: featurizer align ./features --interactions ./catalog/interactions.parquet --out ./aligned
    """

    makes: ClassVar[Mapping[Kind, str]] = {"features": "features", "model": "model"}
    addresses: ClassVar[frozenset[str]] = frozenset({"features", "interactions"})

    features: Annotated[Folder, Argument("FEATURES"), Reads(("features",))]
    """A feature set folder."""
    interactions: Annotated[InteractionsPath, Flag("-i"), Reads(("interactions",))]
    """Split interactions: .parquet, .csv, .tsv or .inter; the train rows teach."""
    spaces: Annotated[tuple[str, ...], Flag("--space")] = ()
    """A space to map.  [default: all that no interactions taught]"""
    weights: tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], ...] = ()
    """Of each space in the join.  [default: chosen on held-out items]"""
    item_map: Annotated[Path | None, Reads(())] = None
    """CSV or TSV with asin and itemID, when the interactions number the items."""
    ranks: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1), Flag("--rank")] = RANKS
    """Dimensions of the behavior, to choose from; at least as many items must have been seen."""
    width: Annotated[int, Field(ge=1)] = 1024
    """Length of the aligned vectors, at most."""
    folds: Annotated[int, Field(ge=1, le=5)] = 3
    """How many fifths of the items are held out in turn, to choose by."""
    user_items: Annotated[int, Field(ge=2)] = 1000
    """Items of a user that count, at most; fewer where all users' pairs of items are more than 200 million."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of everything drawn."""

    def make(self, context: Context) -> Aligned:
        """Learn the map, write model and features with their card."""
        from featurizer.alignment.align import AlignStage, align
        from featurizer.alignment.options import AlignOptions
        from featurizer.features.feature_set import FeatureSet
        from featurizer.release.card import write_card

        options = AlignOptions(
            seed=self.seed, folds=self.folds, user_items=self.user_items, width=self.width, ranks=self.ranks
        )
        stage = AlignStage(
            FeatureSet.open(self.features),
            self.interactions,
            self.out,
            self.spaces,
            self.weights or None,
            self.item_map,
            options,
            self.overwrite,
        )
        made = align(stage)
        write_card(made.features)
        return made

    def open(self) -> Aligned:
        """Return what stands in the folder."""
        from featurizer.alignment.align import Aligned

        return Aligned.open(self.out)

    def outcome(self, value: Aligned) -> Outcome[Aligned]:
        """Say what was chosen, and by how much held-out items gain."""
        from featurizer.features.feature_set import FeatureSet

        told, choice = value.manifest, value.manifest.choice
        head = (
            f"aligned ({told.width}) of {told.supervised_items:,} items' interactions; held-out items, "
            f"Recall@{choice.k}: join {choice.content_recall:.4f}, aligned {choice.recall:.4f}"
            + (
                ""
                if choice.error is None
                else f" (standard error of the gain {choice.error:.4f}; the best of what was tried)"
            )
        )
        rows: list[list[object]] = [
            ["weights", ", ".join(f"{weight:g}" for weight in choice.weights)],
            ["half-whitened axes", "no" if choice.halved is None else choice.halved],
        ]
        rows += [[name, f"{getattr(choice, name):g}"] for name in CHOSEN]
        notes = []
        if not choice.share:
            cut = f", cut to {choice.width} axes" if choice.recall < choice.content_recall else ""
            notes.append(
                f"Interactions did not help held-out items beyond chance: aligned is the join alone{cut}"
            )
        if told.foreign_pairs:
            notes.append(
                f"{told.foreign_pairs:,} train rows are of items that the feature set does not hold, and taught nothing"
            )
        left_out = [
            name
            for name, spec in FeatureSet.open(self.features).spaces.items()
            if spec.saw_interactions and not self.spaces
        ]
        if left_out:
            notes.append(f"{', '.join(left_out)} saw interactions, and is left out")
        if told.sampled_users:
            notes.append(
                f"{told.sampled_users:,} users have more than {told.user_items or self.user_items:,} items; "
                "so many were drawn"
            )
        folder = shlex.quote(str(value.folder))
        record: dict[str, Json] = {
            "out": str(value.folder),
            "spaces": list(value.features.spaces),
            "choice": {**asdict(choice), "weights": list(choice.weights)},
        }
        return Outcome(
            value,
            head,
            "\n".join([f"{value.folder}: {head}", table(["chosen", "value"], rows)]),
            record,
            (value.features.folder / CARD,),
            advice=(
                look_inside(value.features.folder),
                f"Compare with: featurizer score-features {folder}/features --interactions FILE --metrics cold",
            ),
            warnings=tuple(notes),
        )


CHOSEN = ("ridge", "rank", "share", "power", "width")
"""What the text lists of the choice, beside weights and geometry."""
