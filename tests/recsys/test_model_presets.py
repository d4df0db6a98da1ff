"""What each model does where nothing else is asked for stands in docs/training.md, and is held to it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from toy import CLOSED_FORMS, MODELS

from featurizer.recsys.registry import load_recommender

PAGE = (Path(__file__).parents[2] / "docs" / "training.md").read_text("utf-8")
RESULTS = Path(__file__).parents[2] / "docs" / "results"
PRESETS = [(name, preset) for name in MODELS for preset in load_recommender(name).presets]
OF_THE_RUN = {"seed", "ks", "device", "threads", "checkpoint_every"}
"""Train options that are no hyper-parameters."""


def typed(options: Mapping[str, object]) -> str:
    """Write options as a user types them; what is left to the data is not typed."""
    words = []
    for name, value in options.items():
        if value is None:
            continue
        flag = "lambda" if name == "reg" else name.replace("_", "-")
        words.append(
            f"--{'' if value else 'no-'}{flag}" if isinstance(value, bool) else f"--{flag} {value:g}"
        )
    return f"`{' '.join(words)}`"


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_each_preset_is_what_the_page_says(name, preset):
    found = load_recommender(name).preset(preset)
    training = found.training.model_dump(exclude=OF_THE_RUN)
    assert f"| {name} | {preset} | {typed(found.options.model_dump())} | {typed(training)} |" in PAGE


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_each_closed_forms_preset_is_what_the_page_says_without_a_training(name):
    found = load_recommender(name).preset()
    assert f"| {name} | default | {typed(found.options.model_dump())} | none |" in PAGE


@pytest.mark.parametrize("name", MODELS + CLOSED_FORMS)
def test_each_grid_is_what_the_page_says(name):
    grid = load_recommender(name).grid
    told = [f"{option} {', '.join(f'{value:g}' for value in values)}" for option, values in grid.items()]
    assert f"| {name} | {' | '.join(told)} |" in PAGE


@pytest.mark.parametrize(
    ("name", "page", "columns"),
    [
        ("alignrec", "search-baby-alignrec-by-hand.md", ("learning_rate", "alpha", "reg")),
        ("lightgcn", "search-baby-lightgcn.md", ("learning_rate", "l2", "layers")),
    ],
)
def test_a_preset_is_the_best_of_its_search_on_validation(name, page, columns):
    rows = [line.strip("| \n").split("|") for line in (RESULTS / page).read_text("utf-8").splitlines()]
    rows = [row for row in rows if len(row) > len(columns)][2:]
    best = max(rows, key=lambda row: float(row[-1]))
    found = load_recommender(name).preset()
    ours = found.options.model_dump() | found.training.model_dump()
    assert [float(cell) for cell in best[: len(columns)]] == [ours[column] for column in columns]
