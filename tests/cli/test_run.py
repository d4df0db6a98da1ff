"""`featurizer run` and `featurizer doctor`, called as a user would."""

import json
import shlex

import pytest
from typer.testing import CliRunner

from featurizer.cli.app import app
from featurizer.operations.machine import Check
from featurizer.operations.text import duration

RECIPE = """
title: Texts alone
out: out
vars: {license: null}
steps:
  - {name: catalog, uses: ingest, path: items.csv, license: CC0-1.0}
  - {name: publish, uses: publish, when: license, of: catalog, repo: a/b, dry_run: true}
"""


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "items.csv").write_text("id,title\na,Red cup\nb,Blue cup\n")
    (tmp_path / "small.yaml").write_text(RECIPE)
    return lambda *arguments: CliRunner().invoke(app, [*arguments])


def test_a_dry_run_shows_the_plan_and_touches_nothing(call, tmp_path):
    shown = call("run", "small.yaml", "--dry-run")
    assert shown.exit_code == 0
    assert "catalog  ingest   to do" in shown.stdout
    assert "left out, for want of a variable: publish (--set license=…)" in shown.stdout
    assert not (tmp_path / "out").exists()
    told = json.loads(call("run", "small.yaml", "--dry-run", "--json").stdout)
    assert [(step["name"], step["state"]) for step in told["steps"]] == [("catalog", "to do")]
    assert told["left_out"] == ["publish"]


def test_the_command_that_is_named_runs_the_same_recipe_with_the_same_settings(call):
    given = ["small.yaml", "--set", "catalog.source=my shop", "--set", "out=two words", "--only", "catalog"]
    shown = call("run", *given, "--dry-run")
    assert "Texts alone, into two words\n" in shown.stdout
    named = shown.stderr.removeprefix("Run it with: featurizer ").strip()
    assert shlex.split(named) == ["run", *given]
    assert call(*shlex.split(named)).exit_code == 0
    again = call(*shlex.split(named)).stderr.strip().splitlines()[-1]
    assert again.endswith(
        "Start anew with: featurizer run small.yaml --set 'catalog.source=my shop' --set out=FOLDER"
    )


def test_a_run_ends_with_a_summary_and_a_second_says_that_nothing_was_left(call):
    first = call("run", "small.yaml")
    assert first.exit_code == 0, first.output
    assert "[1/1] catalog: ingest" in first.stderr
    assert "2 items, 0 pictures" in first.stdout
    assert "Open these:\n  out/catalog/items" in first.stdout
    again = call("run", "small.yaml", "--json")
    told = json.loads(again.stdout)
    assert [(step["name"], step["now"]) for step in told["steps"]] == [("catalog", False)]
    assert "Nothing was left to do" in call("run", "small.yaml").stderr
    assert "catalog  ingest   done" in call("run", "small.yaml", "--dry-run").stdout


def test_doctor_exits_1_only_where_something_is_broken(call, monkeypatch):
    found = [Check("python", "ok", "3.11"), Check("hub", "note", "silent", "Work offline")]
    monkeypatch.setattr("featurizer.operations.machine.examine", lambda: iter(found))
    shown = call("doctor")
    assert shown.exit_code == 0
    assert "hub: Work offline" in shown.stdout
    found.append(Check("torch", "broken", "gone", "Install it"))
    told = call("doctor", "--json")
    assert told.exit_code == 1
    assert json.loads(told.stdout)["ok"] is False
    assert json.loads(told.stdout)["checks"][2] == {
        "name": "torch",
        "state": "broken",
        "found": "gone",
        "advice": "Install it",
    }


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.42, "0.4 s"), (9.96, "10 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7_530, "2 h 5 min")],
)
def test_times_are_said_as_a_person_says_them(seconds, text):
    assert duration(seconds) == text
