"""A recommender with all its options: what one run trains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from featurizer.config import Config, Flag, ModelT, validated
from featurizer.errors import InputError
from featurizer.records import Json
from featurizer.recsys.options import TrainOptions
from featurizer.recsys.registry import recommenders
from featurizer.recsys.spec import DEFAULT, AnyRecommender
from featurizer.registry import RECOMMENDERS, plugin_versions

if TYPE_CHECKING:
    from featurizer.recsys.data import RecData
    from featurizer.recsys.recommender import ClosedForm, Recommender


@dataclass(frozen=True, slots=True)
class Configuration:
    """What is trained, and how.

    Attributes:
        recommender: which.
        options: of its class.
        training: how long and how fast.
    """

    recommender: AnyRecommender
    options: Config
    training: TrainOptions

    def changed(
        self, options: Mapping[str, object] | None = None, training: Mapping[str, object] | None = None
    ) -> Configuration:
        """Return it with some options changed.

        Args:
            options: of the model, by name.
            training: of the training, by name.

        Raises:
            InputError: the model has no such option, or a value is none.
        """
        _refuse_strange(self.recommender, options or {})
        name = self.recommender.name
        return replace(
            self,
            options=_changed(self.options, options or {}, f"the options of {name}"),
            training=_changed(self.training, training or {}, f"the training of {name}"),
        )

    def applied(self, values: Mapping[str, float]) -> Configuration:
        """Return it with a search's values in their places, each in that of the two that has its name."""
        own = self.recommender.options.model_fields
        return self.changed(
            {name: value for name, value in values.items() if name in own},
            {name: value for name, value in values.items() if name not in own},
        )

    def on(self, data: RecData) -> Configuration:
        """Return it with what it leaves to the data settled: the batch size."""
        return self.changed(training={"batch_size": self.training.batch(len(data.train.items))})

    def record(self) -> dict[str, Json]:
        """Return it as a saved model's `config.json` holds it: `model` with its name, and `training`.

        Of a recommender that comes from another package, `plugins` has that one's version.
        """
        model = {"name": self.recommender.name, **self.options.model_dump(mode="json")}
        plugins: dict[str, Json] = {**plugin_versions(RECOMMENDERS, [self.recommender.name])}
        return {
            "model": model,
            "training": self.training.record(),
            **({"plugins": plugins} if plugins else {}),
        }

    def build(self, data: RecData) -> Recommender | ClosedForm:
        """Make the model with its first weights, drawn under the training's seed.

        Raises:
            InputError: the model needs features and no item has one.
        """
        training = self.training
        return self.recommender.build(
            data,
            self.options,
            batch_size=training.batch(len(data.train.items)),
            seed=training.seed,
            device=training.device,
        )


def configuration(recommender: AnyRecommender, preset: str = DEFAULT) -> Configuration:
    """Return a recommender under one of its presets.

    Raises:
        UnknownName: it has no such preset.
    """
    found = recommender.preset(preset)
    return Configuration(recommender, found.options, found.training)


def _changed(options: ModelT, changes: Mapping[str, object], origin: str) -> ModelT:
    return validated(type(options), {**dict(options), **changes}, origin=origin)


def _refuse_strange(recommender: AnyRecommender, options: Mapping[str, object]) -> None:
    """Refuse options that the model has not, by the names that users know them by."""
    own = recommender.options.model_fields
    strange = [name for name in options if name not in own]
    if strange:
        others = recommenders().values()
        flags = {name: _flag(each, name) for each in others for name in each.options.model_fields}
        told = ", ".join(flags.get(name, name) for name in strange)
        its = ", ".join(_flag(recommender, name) for name in own)
        raise InputError(
            f"{recommender.name} has no use for {told}; leave it out. It takes {its or 'no options'}"
        )


def _flag(recommender: AnyRecommender, name: str) -> str:
    marks = recommender.options.model_fields[name].metadata
    given = next((mark.names[0] for mark in marks if isinstance(mark, Flag)), "")
    return given if given.startswith("--") else f"--{name.replace('_', '-')}"
