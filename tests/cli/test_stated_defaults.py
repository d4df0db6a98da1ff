"""A default that help states in words is the library's."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import get_args, get_type_hints

import pytest
from typer.models import OptionInfo

from featurizer.cli import ica_options
from featurizer.ica.options import Masking, Objective, Training

STATED = re.compile(r"\[default: ([^,\]]+)")


@pytest.mark.parametrize(
    ("choice", "options"),
    [
        (ica_options.MaskingChoice, Masking()),
        (ica_options.ObjectiveChoice, Objective()),
        (ica_options.TrainingChoice, Training()),
    ],
)
def test_the_defaults_that_help_states_are_those_of_the_library(choice, options):
    hints = get_type_hints(choice, include_extras=True)
    silent = set()
    for field in fields(choice):
        (option,) = (part for part in get_args(hints[field.name]) if isinstance(part, OptionInfo))
        stated = STATED.search(option.help)
        if stated is None:
            silent.add(field.name)
            continue
        own = getattr(options, field.name)
        assert own == (stated[1] if isinstance(own, str) else float(stated[1])), field.name
    assert silent <= {"recompute"}
