"""What a family of encoders says about itself, and the families that are installed. Imports no model library."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from featurizer import registry
from featurizer.encoders.base import Loader
from featurizer.encoders.options import COMMON
from featurizer.encoders.preset import EncoderPreset
from featurizer.errors import FeaturizerError
from featurizer.papers import Paper
from featurizer.registry import ENCODERS, Extra

if TYPE_CHECKING:
    from featurizer.encoders.tokens import TokenLoader


@dataclass(frozen=True, slots=True)
class EncoderFamily:
    """The models of one library: what an entry point of the group `featurizer.encoders` names.

    Listing families and presets imports the module that this stands in, so `load` and `load_tokens` import the library
    when they are called. An entry point may also name `load` alone.

    Attributes:
        name: what stands before the colon in FAMILY:MODEL; also the entry point's name and `EncoderSpec.family`.
        load: makes one encoder a modality of the model asked for.
        load_tokens: makes one token encoder a modality; None where the models give vectors alone.
        extra: what has to be installed for it.
        libraries: the distributions whose versions can change a vector, beyond those that every vector depends on.
        papers: what to cite, by a pattern over the model's name in small letters; an empty one fits every model.
        presets: models with a name of their own.
        needs_model: whether a model's name has to follow the family's.
        remote_code: whether its models may come with code of their own, run where the user trusts it.
        folders_only: whether every model is a folder, also where its path does not begin like one; none has options.
        options: what may be chosen of its models beside what may be of all (`featurizer.encoders.options`).
        name_model: the short name of a model; None from it, or in its place, for the last part of the model's name.
    """

    name: str
    load: Loader
    load_tokens: TokenLoader | None = None
    extra: Extra = field(default_factory=Extra)
    libraries: tuple[str, ...] = ()
    papers: Mapping[str, Paper] = field(default_factory=dict)
    presets: tuple[EncoderPreset, ...] = ()
    needs_model: bool = False
    remote_code: bool = False
    folders_only: bool = False
    name_model: Callable[[str], str | None] | None = None
    options: tuple[str, ...] = ()

    @property
    def all_options(self) -> tuple[str, ...]:
        """What may be chosen of its models."""
        return () if self.folders_only else (*self.options, *COMMON)


def family_named(name: str) -> EncoderFamily:
    """Return an installed family.

    Raises:
        UnknownName: no installed package offers it.
        FeaturizerError: its module cannot be imported, or names something else than a family.
    """
    found = registry.load(ENCODERS, name)
    if isinstance(found, EncoderFamily) and found.name == name:
        return found
    if callable(found):
        return EncoderFamily(name, found)
    what = f"the family {found.name}" if isinstance(found, EncoderFamily) else f"a {type(found).__name__}"
    raise FeaturizerError(
        f"the entry point '{name}' of {ENCODERS} names {what}; expected an EncoderFamily of that name, or a function "
        "that loads encoders (docs/add-an-encoder.md). Mend or remove the package."
    )


def find_family(name: str) -> EncoderFamily | None:
    """Return an installed family; None, with a warning where its plug-in is broken, when there is none to ask."""
    known = [name] if name in registry.names(ENCODERS) else []
    return next(registry.working(known, family_named), None)


def families() -> Iterator[EncoderFamily]:
    """Yield the installed families one by one, featurizer's own first; broken plug-ins are left out with a warning."""
    return registry.working(registry.providers(ENCODERS), family_named)


def own_families() -> Iterator[EncoderFamily]:
    """Yield the families that featurizer itself brings."""
    own = [name for name, plugin in registry.providers(ENCODERS).items() if plugin is None]
    return registry.working(own, family_named)
