"""The recommenders that are installed, here or in anyone's package."""

from __future__ import annotations

from featurizer.errors import FeaturizerError
from featurizer.recsys.spec import AnyRecommender, RecommenderSpec
from featurizer.registry import RECOMMENDERS, load, names, working


def load_recommender(name: str) -> AnyRecommender:
    """Import a recommender by name.

    Raises:
        UnknownName: no installed package offers it.
        FeaturizerError: its package does, and it cannot be imported or is no recommender.
    """
    plugin = load(RECOMMENDERS, name)
    if isinstance(plugin, RecommenderSpec) and plugin.name == name:
        return plugin
    what = f"called '{plugin.name}'" if isinstance(plugin, RecommenderSpec) else f"a {type(plugin).__name__}"
    raise FeaturizerError(
        f"plug-in '{name}' of {RECOMMENDERS} is {what}, expected a RecommenderSpec of that name; correct the entry "
        "point of its package, or remove it"
    )


def recommenders() -> dict[str, AnyRecommender]:
    """Return every recommender by name; one that cannot be loaded is left out with a warning."""
    return {found.name: found for found in working(names(RECOMMENDERS), load_recommender)}
