"""A command's options in groups."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, fields
from typing import Annotated, get_type_hints

import pytest
import typer
from typer.testing import CliRunner

from featurizer.cli.command import given, grouped
from featurizer.cli.ica_options import MaskingChoice, ObjectiveChoice, SizeChoice, TrainingChoice
from featurizer.cli.train_options import ModelChoice, TrainChoice
from featurizer.ica.options import Architecture, Masking, Objective, Training
from featurizer.recsys.options import ModelOptions, TrainOptions


@dataclass(frozen=True)
class Paint:
    color: Annotated[str, typer.Option("--color", "-c", help="Which.")]
    coats: Annotated[int, typer.Option(min=1)] = 2


def program(seen):
    app = typer.Typer(rich_markup_mode=None)

    @app.command()
    @grouped
    def paint(wall: str, paint: Paint, *, dry: bool = False) -> None:
        """Paint a wall."""
        seen.append((wall, paint, dry))

    return app


def test_the_fields_of_a_group_are_options_and_come_back_as_the_group():
    seen = []
    done = CliRunner().invoke(program(seen), ["north", "-c", "red", "--coats", "3", "--dry"])
    assert done.exit_code == 0, done.output
    assert CliRunner().invoke(program(seen), ["south", "--color", "blue"]).exit_code == 0
    assert seen == [("north", Paint("red", 3), True), ("south", Paint("blue", 2), False)]


def test_a_field_without_a_default_is_required_and_limits_hold():
    for arguments in (["north"], ["north", "-c", "red", "--coats", "0"]):
        assert CliRunner().invoke(program([]), arguments).exit_code == 2
    shown = CliRunner().invoke(program([]), ["--help"]).output
    assert "Which." in shown
    assert "Paint a wall." in shown


@pytest.mark.parametrize(
    ("choice", "options"),
    [
        (ModelChoice, ModelOptions),
        (TrainChoice, TrainOptions),
        (SizeChoice, Architecture),
        (MaskingChoice, Masking),
        (ObjectiveChoice, Objective),
        (TrainingChoice, Training),
    ],
)
def test_what_the_command_line_overrides_has_the_same_name_in_the_library(choice, options):
    assert {field.name for field in fields(choice)} <= {field.name for field in fields(options)}
    assert all(field.default is None for field in fields(choice))
    assert get_type_hints(choice)


def test_only_what_was_given_is_passed_on():
    assert given(ModelChoice(alpha=0.0, item_graph=False)) == {"alpha": 0.0, "item_graph": False}


def test_the_help_of_train_imports_no_torch():
    code = (
        "import sys; from typer.testing import CliRunner; from featurizer.cli.app import app; "
        "done = CliRunner().invoke(app, ['train', '--help']); "
        "sys.exit(done.exit_code or 10 * ('torch' in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60).returncode == 0
