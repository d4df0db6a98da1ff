"""What every recommender declares, whether it learns or is solved at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from featurizer.errors import InputError
from featurizer.recsys.configuration import Configuration, configuration
from featurizer.recsys.options import TrainOptions
from featurizer.recsys.spec import DEFAULT, AnyRecommender, RecommenderSpec


class DeclaredRecommender:
    """Checks of a recommender's declaration, each one test; the two contracts inherit them."""

    def make_recommender(self) -> AnyRecommender:
        """Return the recommender under test, as its entry point offers it."""
        raise NotImplementedError("write make_recommender in your subclass of the contract")

    def options(self) -> Mapping[str, object]:
        """Return what differs from the default preset on forty users; replace it where more must differ."""
        return {"dim": 8} if "dim" in self.make_recommender().options.model_fields else {}

    def training(self) -> Mapping[str, object]:
        """Return how it is trained on them."""
        return {}

    def test_every_option_has_a_default_and_says_what_it_is(self) -> None:
        """The command line shows each option of the class with its help."""
        options = self.make_recommender().options
        for name, field in options.model_fields.items():
            assert not field.is_required(), f"{name} has no default"
            assert field.description, f"{name} has no docstring, so no help"

    def test_options_are_checked_frozen_and_json(self) -> None:
        """An option that there is not is refused; the rest goes into `config.json` and comes back the same."""
        kind = self.make_recommender().options
        assert kind.model_config.get("frozen"), "the options can be changed; derive them from config.Config"
        told = refusal(lambda: self._configuration().changed({"no_such_option": 1}))
        assert "has no use for no_such_option" in told
        for preset in self.make_recommender().presets.values():
            assert kind.model_validate(preset.options.model_dump(mode="json")) == preset.options

    def test_presets_are_of_its_options_and_the_grid_names_options(self) -> None:
        """There is a default preset, and a search finds an option of the model or the training for each name."""
        recommender = self.make_recommender()
        assert isinstance(recommender, RecommenderSpec)
        assert DEFAULT in recommender.presets, f"no preset is called '{DEFAULT}'"
        for name, preset in recommender.presets.items():
            assert isinstance(preset.options, recommender.options), f"preset {name} has other options"
        for name, values in recommender.grid.items():
            known = name in recommender.options.model_fields or name in TrainOptions.model_fields
            assert known, f"the grid's {name} is no option"
            for value in values:
                configuration(recommender).applied({name: value})

    def _configuration(self) -> Configuration:
        return configuration(self.make_recommender()).changed(self.options(), self.training())


def refusal(attempt: Callable[[], object]) -> str:
    """Return the message with which something is refused, which it has to be."""
    try:
        attempt()
    except InputError as error:
        return str(error)
    raise AssertionError("it is accepted, expected an InputError")
