"""Each model's hyper-parameters where none are given, found on the validation items of Amazon Baby."""

from __future__ import annotations

from dataclasses import replace

from featurizer.recsys.options import ModelName, ModelOptions, TrainOptions


def preset(name: ModelName, *, exact: bool = False) -> tuple[ModelOptions, TrainOptions]:
    """Return a model's options; `exact` gives AlignRec those of its authors' code."""
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
        "lightgcn": (ModelOptions(uia=0), TrainOptions(learning_rate=2e-3, evaluate_every=3, patience=4)),
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
