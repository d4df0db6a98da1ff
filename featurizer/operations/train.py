"""The command `train`: a feature set and interactions become a recommender and its figures."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from featurizer.config import Config, Flag
from featurizer.errors import InputError
from featurizer.operations.feature_sets import check_device
from featurizer.operations.operation import (
    Argument,
    Completed,
    Context,
    Folder,
    FolderOperation,
    InteractionsPath,
    Kind,
    OptionGroup,
    Outcome,
    Reads,
    Some,
)
from featurizer.operations.text import table
from featurizer.recsys.configuration import Configuration, configuration
from featurizer.recsys.options import MIN_COVERAGE, TrainOptions
from featurizer.recsys.registry import load_recommender, recommenders
from featurizer.recsys.spec import DEFAULT
from featurizer.results.names import METRICS, TUNE

if TYPE_CHECKING:
    from featurizer.alignment.content import ContentMap
    from featurizer.features.feature_set import FeatureSet
    from featurizer.records import Json
    from featurizer.recsys.model import Model as Trained
    from featurizer.recsys.tune import Trial
    from featurizer.results.manifests.recommender import RecommenderManifest

logger = logging.getLogger(__name__)

EXACT = "exact"
"""The preset of a model as its authors compute it."""


def _model_options() -> dict[str, type[Config]]:
    """Return the options of every recommender; of a plug-in's, none that this command uses otherwise."""
    found: dict[str, type[Config]] = {}
    for name, each in recommenders().items():
        taken = sorted(
            each.options.model_fields.keys() & (Train.model_fields.keys() | TrainOptions.model_fields)
        )
        if taken:
            logger.warning(
                "recommender '%s' is left out: its option %s is one of train's own; its package has to rename it",
                name,
                taken[0],
            )
        else:
            found[name] = each.options
    return found


class Train(FolderOperation["Trained"]):
    """Train a recommender on item features, choose its epoch on validation, report it on test.

    Options without a default take the model's own, found on the validation items of Amazon Baby.

    Example: featurizer train ./features --interactions ./catalog/interactions.parquet --out ./model
    """

    makes: ClassVar[Mapping[Kind, str]] = {"model": "."}
    addresses: ClassVar[frozenset[str]] = frozenset({"features", "interactions"})

    features: Annotated[Folder, Argument("FEATURES"), Reads(("features",))]
    """A feature set folder."""
    interactions: Annotated[InteractionsPath, Flag("-i"), Reads(("interactions",))]
    """Split interactions: .parquet, .csv, .tsv or .inter."""
    space: str | None = None
    """The space to learn from; a+b joins two.  [default: unified, or the only one]"""
    fusion: Literal["equal", "auto"] = "equal"
    """Weights of joined spaces: equal, or chosen on held-out items of train (auto), with half-whitening."""
    item_map: Annotated[Path | None, Reads(())] = None
    """CSV or TSV with asin and itemID, when the interactions number the items."""
    min_coverage: Annotated[float, Field(ge=0, le=1)] = MIN_COVERAGE
    """Least share of train pairs whose items have a feature."""
    model: Annotated[str, Completed("recommender", told=True)] = "alignrec"
    """Which recommender."""
    exact: bool = False
    """AlignRec as its authors compute it."""
    options: Annotated[Some, OptionGroup(_model_options, stated=False)] = Field(default_factory=dict)
    """What differs from the model's preset: alpha (CCA), uia, reg (the paper's lambda), neighbors, …."""
    training: Annotated[
        Some,
        OptionGroup(
            lambda: {"training": TrainOptions}, stated=False, without=frozenset({"seed", "device", "threads"})
        ),
    ] = Field(default_factory=dict)
    """What differs from it in training: epochs, batch_size, learning_rate, ks, …."""
    seed: Annotated[int, Field(ge=0)] = 0
    """The first seed."""
    seeds: Annotated[int, Field(ge=1)] = 1
    """How many seeds."""
    tune: bool = False
    """Search hyper-parameters on validation first."""
    search: Literal["random", "grid"] = "random"
    """How --tune searches."""
    trials: Annotated[int, Field(ge=1)] = 12
    """Trials of a random search."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:I."""

    threads: Annotated[int, Field(ge=1)] | None = None
    """Threads that compute on the CPU; the bits of a result depend on how many.  [default: one a core]"""

    @model_validator(mode="after")
    def _check(self) -> Train:
        usual = type(self).model_fields
        idle = [name for name in ("search", "trials") if getattr(self, name) != usual[name].default]
        if idle and not self.tune:
            raise InputError(
                f"{idle[0]} says how --tune searches, and it is not given; add it, or leave this out"
            )
        self.chosen()
        return self

    def chosen(self) -> Configuration:
        """Return the preset with what is given in its places."""
        recommender = load_recommender(self.model)
        if self.exact and EXACT not in recommender.presets:
            raise InputError(f"--exact: {self.model} has no preset '{EXACT}'; leave one of the two out")
        if recommender.closed_form:
            self._refuse_learning()
        found = configuration(recommender, EXACT if self.exact else DEFAULT)
        found = found.changed(self.options, {**self.training, "seed": self.seed})
        return found.changed(training={"ks": sorted(set(found.training.ks))})

    def _refuse_learning(self) -> None:
        """Refuse what says how a model learns to one that is solved at once."""
        idle = [f"--{name.replace('_', '-')}" for name in self.training if name != "ks"]
        idle += ["--seeds"] if self.seeds > 1 else []
        if idle:
            raise InputError(
                f"{self.model} is solved at once, without epochs or chance, and has no use for {', '.join(idle)}; "
                "leave it out"
            )

    def settled(self) -> dict[str, Json]:
        """Return every option of model and training, whether given or the preset's."""
        told = self.chosen().record()
        return {"options": told.pop("model"), **told}

    def depends(self) -> dict[str, Json]:
        """Return the number of threads that weights depend on."""
        from featurizer.encoders.device import cpu_threads

        return {"threads": cpu_threads(self.threads)}

    def precheck(self) -> None:
        """Refuse a device that is not there."""
        check_device(self.device)

    def runs_model(self) -> bool:
        """Say that it does."""
        return True

    def make(self, context: Context) -> Trained:
        """Search where that is asked for, then train."""
        from featurizer.encoders.device import training_device
        from featurizer.features.feature_set import FeatureSet
        from featurizer.recsys.content import default_space
        from featurizer.recsys.source import fingerprints, read_data
        from featurizer.recsys.summary import describe
        from featurizer.recsys.train import refuse_foreign_folder, refuse_other_model, train
        from featurizer.recsys.tune import tune

        refuse_foreign_folder(self.out)
        features = FeatureSet.open(self.features)
        space = self.space or default_space(features)
        fusion = self._fusion(features, space, context)
        data = read_data(
            features,
            space,
            self.interactions,
            item_map=self.item_map,
            min_coverage=self.min_coverage,
            fusion=fusion,
        )
        for line in _said(describe(data), space):
            context.say(line)

        chosen = self.chosen().changed(
            training={"device": training_device(self.device), "threads": self.threads}
        )
        if not chosen.recommender.closed_form:
            context.say(f"{chosen.training.batch(len(data.train.items)):,} train pairs a step")
        inputs = fingerprints(features, space, self.interactions, self.item_map, fusion)
        if self.tune:
            folder = self.out / "tune"
            if not self.overwrite and not (folder / TUNE).exists():
                refuse_other_model(self.out)
            trials = tune(
                folder,
                chosen,
                data,
                grid=chosen.recommender.grid,
                search=self.search,
                trials=self.trials,
                inputs=inputs,
                overwrite=self.overwrite,
                report=context.report,
            )
            context.say(_trials(trials))
            chosen = chosen.applied(trials[0].values)
        train(
            self.out,
            chosen,
            data,
            seeds=self.seeds,
            inputs=inputs,
            overwrite=self.overwrite,
            report=context.report,
        )
        return self.open()

    def _fusion(self, features: FeatureSet, space: str, context: Context) -> ContentMap | None:
        """Choose how spaces are joined, where that is asked for."""
        from featurizer.recsys.source import chosen_fusion

        if self.fusion == "equal":
            return None
        found = chosen_fusion(features, space, self.interactions, item_map=self.item_map, seed=self.seed)
        context.say(f"{space} is joined as held-out items of train say: {found.told}")
        return found

    def open(self) -> Trained:
        """Return the model; its weights are not read."""
        from featurizer.recsys.model import Model as Trained

        return Trained.open(self.out)

    def outcome(self, value: Trained) -> Outcome[Trained]:
        """Say how it did on validation and test, over its seeds."""
        told = value.summary
        figures = ", ".join(
            f"{name} {figure:.4f}" for name, figure in told.test.items() if name.endswith("@20")
        )
        lines = [
            f"{self.out}: {told.model}, best epoch {told.best_epoch}, {told.seconds} s",
            _over_seeds(told),
        ]
        if len(told.seeds) > 1:
            lines += ["\neach seed", _each_seed(told)]
        lines += [f"\ntest Recall@20 by group, seed {told.seed}", _groups(told)]
        user = shlex.quote(_first_user(self.out))
        advice = [f"Next: featurizer recommend {shlex.quote(str(self.out))} --user {user}"]
        if len(told.seeds) > 1:
            kept = f"the model kept is the best on validation, seed {told.seed}"
            advice.insert(0, f"{len(told.seeds)} seeds; {kept}")
        return Outcome(
            value,
            f"{told.model}, epoch {told.best_epoch}; test {figures}",
            "\n".join(lines),
            {name: entry for name, entry in told.document().items() if name != "config"},
            (self.out / "model" / METRICS,),
            advice=tuple(advice),
        )


def _first_user(out: Path) -> str:
    """Return a user whom a list can be made for: one with train items."""
    import polars as pl

    from featurizer.recsys.vectors import HISTORY
    from featurizer.results.names import USERS

    users = pl.scan_parquet(out / USERS).select("user_id", HISTORY)
    return str(users.filter(pl.col(HISTORY).list.len() > 0).head(1).collect()["user_id"].item())


def _over_seeds(told: RecommenderManifest) -> str:
    valid, test = told.over_seeds["valid"], told.over_seeds["test"]
    rows = [[name, valid[name].mean, valid[name].sd, test[name].mean, test[name].sd] for name in valid]
    return table(["mean over seeds", "valid", "sd", "test", "sd"], rows)


def _each_seed(told: RecommenderManifest) -> str:
    rows = [[row.seed, row.best_epoch, row.valid["recall@20"], row.test["recall@20"]] for row in told.seeds]
    return table(["seed", "best epoch", "valid recall@20", "test recall@20"], rows)


def _groups(told: RecommenderManifest) -> str:
    rows = [[group.name, group.users, group.positives, group.recall] for group in told.groups]
    return table(["group", "users", "positives", "recall@20"], rows)


def _trials(trials: Sequence[Trial]) -> str:
    names = list(trials[0].values)
    rows = [[*(trial.values[name] for name in names), trial.best_epoch, trial.valid] for trial in trials]
    return table([*names, "best epoch", "valid recall@20"], rows)


NOTES = {
    "items_without_features": "items have no feature and learn from ids alone",
    "items_not_in_feature_set": "of them are not in the feature set",
    "cold_items": "items have no train pair: they are ranked, but no user teaches their ids",
    "users_without_train_items": "users have no train items and are not ranked for",
    "users_without_negatives": "users trained on every item; their pairs are left out of training",
    "repeated_rows": "rows repeat a pair of their split, which counts once",
    "valid_pairs_in_train": "validation pairs are train pairs too and can never be found",
    "test_pairs_in_train": "test pairs are train pairs too and can never be found",
    "test_pairs_in_valid": "test pairs are validation pairs too: test is not independent of the choice",
}
"""What is not as one would wish, by its count in `describe`."""


def _said(found: Mapping[str, Any], space: str) -> list[str]:
    """Say what is trained on, and what of it is not as one would wish."""
    absent = ", such as " + ", ".join(found["items_not_in_feature_set_such_as"])
    told = [
        f"{found['users']:,} users, {found['items']:,} items, {found['train']:,} train pairs, space {space}: "
        f"{found['coverage']:.1%} of the train pairs have a feature"
    ]
    for name, text in NOTES.items():
        if found[name]:
            told.append(f"{found[name]:,} {text}{absent if name == 'items_not_in_feature_set' else ''}")
    return told
