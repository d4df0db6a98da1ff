"""A recommender as its file declares it: all that is known of it before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar

from featurizer.config import Config
from featurizer.errors import InputError, UnknownName
from featurizer.papers import Paper
from featurizer.recsys.options import TrainOptions

if TYPE_CHECKING:
    from featurizer.recsys.data import RecData
    from featurizer.recsys.recommender import ClosedForm, Recommender

OptionsT = TypeVar("OptionsT", bound=Config)
OptionsT_contra = TypeVar("OptionsT_contra", bound=Config, contravariant=True)

DEFAULT = "default"
"""The preset that every recommender has."""


class Builder(Protocol[OptionsT_contra]):
    """Makes a model with its graphs and its first weights; a model's class is one where it is made like this."""

    def __call__(
        self, data: RecData, options: OptionsT_contra, /, *, batch_size: int, seed: int, device: str
    ) -> Recommender | ClosedForm:
        """Return the model on its device, the same bits for the same arguments."""
        ...


@dataclass(frozen=True, slots=True)
class Preset(Generic[OptionsT]):
    """Hyper-parameters that go together: of the model, and of its training."""

    options: OptionsT
    training: TrainOptions


@dataclass(frozen=True, slots=True)
class RecommenderSpec(Generic[OptionsT]):
    """What a package offers under `featurizer.recommenders`.

    Attributes:
        name: what users call it; the entry point's name.
        options: the class of its options, a field an option.
        builder: makes the model.
        presets: hyper-parameters by name; `default` is what is taken where nothing is said.
        grid: values that a search chooses from, by the name of a model or train option.
        paper: what to cite for it.
        needs_features: whether it learns nothing without item features.
        closed_form: whether the builder makes a `ClosedForm`, which nothing of how one trains changes.
    """

    name: str
    options: type[OptionsT]
    builder: Builder[OptionsT]
    presets: Mapping[str, Preset[OptionsT]]
    grid: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    paper: Paper | None = None
    needs_features: bool = True
    closed_form: bool = False

    def preset(self, name: str = DEFAULT) -> Preset[OptionsT]:
        """Return a preset by name.

        Raises:
            UnknownName: it has no such preset.
        """
        if name not in self.presets:
            raise UnknownName(f"preset of {self.name}", name, self.presets)
        return self.presets[name]

    def build(
        self, data: RecData, options: OptionsT, *, batch_size: int, seed: int, device: str
    ) -> Recommender | ClosedForm:
        """Make a model with its graphs and its first weights.

        Raises:
            InputError: the model needs features and no item has one.
        """
        if self.needs_features and not data.known.any():
            raise InputError(
                f"no item has a feature, and {self.name} needs some; choose another --space, or --model lightgcn"
            )
        return self.builder(data, options, batch_size=batch_size, seed=seed, device=device)


AnyRecommender: TypeAlias = RecommenderSpec[Any]
"""A recommender of whatever options."""
