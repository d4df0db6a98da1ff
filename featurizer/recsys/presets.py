"""Each model's hyper-parameters where none are given, found on the validation items of Amazon Baby."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from featurizer.errors import InputError
from featurizer.recsys.options import ModelName, ModelOptions, TrainOptions

OF_CONTENT = frozenset({"alpha", "reg", "neighbors", "item_graph", "moving_target"})
IGNORED: Mapping[ModelName, frozenset[str]] = MappingProxyType(
    {
        "alignrec": frozenset(),
        "lightgcn": OF_CONTENT,
        "bpr": OF_CONTENT,
        "vbpr": OF_CONTENT | {"uia"},
        "freedom": OF_CONTENT - {"neighbors"} | {"uia"},
    }
)
"""Options that make no difference to a model."""


def preset(name: ModelName, *, exact: bool = False) -> tuple[ModelOptions, TrainOptions]:
    """Return a model's options; `exact` gives AlignRec those of its authors' code.

    Raises:
        InputError: `exact` is asked of another model.
    """
    if exact and name != "alignrec":
        raise InputError(f"--exact is AlignRec's; {name} has no other form. Leave one of the two out")
    if exact:
        form = ModelOptions(
            name=name, trainable_features=True, moving_target=True, repeats=True, contrast=0, half=False
        )
        return form, TrainOptions()
    found: dict[ModelName, tuple[ModelOptions, TrainOptions]] = {
        "alignrec": (
            ModelOptions(reg=0.4),
            TrainOptions(learning_rate=3e-3, epochs=40, evaluate_every=2, patience=6),
        ),
        "lightgcn": (
            ModelOptions(uia=0, layers=3),
            TrainOptions(learning_rate=3e-3, evaluate_every=3, patience=4),
        ),
        "bpr": (
            ModelOptions(uia=0, layers=0, l2=0.03),
            TrainOptions(evaluate_every=5, patience=5),
        ),
        "vbpr": (ModelOptions(l2=0.03), TrainOptions(evaluate_every=5, patience=5)),
        "freedom": (
            ModelOptions(l2=1e-3),
            TrainOptions(learning_rate=3e-3, evaluate_every=5, patience=4),
        ),
    }
    model, training = found[name]
    return replace(model, name=name), training


def refuse_ignored(options: ModelOptions) -> None:
    """Refuse options that differ from the preset and make no difference to the model.

    Raises:
        InputError: names them.
    """
    usual, _ = preset(options.name, exact=options.trainable_features)
    ignored = IGNORED[options.name] | (set() if options.trainable_features else {"moving_target"})
    changed = sorted(name for name in ignored if getattr(options, name) != getattr(usual, name))
    if changed:
        raise InputError(
            f"{options.name} has no use for {', '.join(_flag(name) for name in changed)}; leave it out"
            + (", or add --exact, which has trainable features" if changed == ["moving_target"] else "")
        )


def _flag(name: str) -> str:
    return "--lambda" if name == "reg" else f"--{name.replace('_', '-')}"
