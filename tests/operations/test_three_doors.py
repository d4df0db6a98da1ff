"""Python, the command line and a recipe: every operation leaves the same folder, whichever door it came through."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

import featurizer as fz
from featurizer.operations.operation import FolderOperation
from featurizer.operations.options import options_of
from featurizer.operations.registry import COMMANDS, function_of, operation
from featurizer.results.state import VOLATILE
from tests.recipes.shop import make_shop
from tests.support.program import run_program
from tests.support.small_encoders import install

CPU = {"device": "cpu"}
WAY = [
    ("ingest", {
        "path": "items.csv", "images": "pictures", "interactions": "clicks.csv", "license": "CC0-1.0",
        "out": "catalog",
    }),
    ("extract", {"catalog": "catalog", "encoders": ["small"], "shard_rows": 16, "out": "features", **CPU}),
    ("pretrain-ica", {
        "catalog": "catalog", "vision": "small", "text": "small", "width": 16, "layers": 1, "heads": 2,
        "fused_layers": 1, "expansion": 2, "codes": 4, "epochs": 2, "batch_size": 16, "out": "ica", **CPU,
    }),
    ("align", {
        "features": "features", "interactions": "catalog/interactions.parquet", "folds": 1, "ranks": [8],
        "out": "aligned",
    }),
    ("score-features", {
        "features": ["features"], "interactions": "catalog/interactions.parquet",
        "metrics": ["zero-shot", "downstream"], "spaces": ["small_image"], "k": [5, 10], "epochs": 1, "seeds": 1,
        "model": "bpr", "attach": True, "out": "scores", **CPU,
    }),
    ("train", {
        "features": "ica/features", "interactions": "catalog/interactions.parquet", "epochs": 2, "batch_size": 64,
        "alpha": 0.02, "out": "model", **CPU,
    }),
    ("compare", {
        "models": ["model"], "fused": ["model", "model"], "interactions": "catalog/interactions.parquet",
        "out": "table",
    }),
    ("card", {"of": "features", "catalog": "catalog", "license": "CC0-1.0"}),
    ("report", {"of": ["catalog", "features"], "tsne": False, "out": "report/report.html"}),
    ("export", {"features": "features", "format": "npy", "out": "arrays"}),
    ("import", {"path": "arrays", "format": "npy", "license": "CC0-1.0", "out": "back"}),
    ("verify", {"path": "features", "catalog": "catalog", "sample": 3, **CPU}),
    ("inspect", {"path": "features", "neighbors": "i03", "k": 2}),
    ("diff", {"before": "features", "after": "back"}),
    ("recommend", {"model": "model", "user": "u01", "k": 3}),
    ("publish", {"of": "features", "repo": "shop/features", "dry_run": True}),
    ("datasets", {"name": "sample"}),
    ("encoders", {"name": "minilm"}),
]  # fmt: skip
LEFT_OUT = {
    "pull": "tests/release/test_publish.py",
    "doctor": "tests/cli/test_run.py",
    "download": "below, slow",
}
"""Those that need a network, or look at the machine alone, and where they are tested."""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return install(tmp_path_factory.mktemp("site"))


@pytest.fixture
def doors(tmp_path, site, monkeypatch, capsys):
    """Return three ways to run an operation, each in a shop of its own."""
    monkeypatch.syspath_prepend(str(site))
    for name in ("python", "program", "recipe"):
        make_shop(tmp_path / name)

    def python(command, given):
        getattr(fz, function_of(command))(**given)

    def program(command, given):
        code, _, err = run_program(monkeypatch, capsys, command, *arguments(command, given))
        assert code == 0, err

    def written(command, given):
        Path(f"{command}.yaml").write_text(yaml.safe_dump(recipe(command, given)))
        code, _, err = run_program(monkeypatch, capsys, "run", f"{command}.yaml")
        assert code == 0, err

    def run(command, given):
        for name, door in run.each.items():
            monkeypatch.chdir(tmp_path / name)
            door(command, given)

    run.folder = tmp_path
    run.each = {"python": python, "program": program, "recipe": written}
    return run


def arguments(command, given):
    """Write options as the command line takes them."""
    found, last = [], []
    for option in options_of(operation(command)):
        if option.name not in given:
            continue
        value = given[option.name]
        values = (
            [",".join(map(str, value))] if option.commas else value if isinstance(value, list) else [value]
        )
        if option.argument:
            last += map(str, values)
        elif isinstance(value, bool):
            found.append(option.flags[0] if value else option.flags[0].replace("--", "--no-"))
        else:
            found += [word for one in values for word in (option.flags[0], str(one))]
    return [*last, *found]


def recipe(command, given):
    """Write options as a recipe takes them: it says itself where a step writes."""
    out = given.get("out", "step")
    place = Path(out).parent if command == "report" else Path(out)
    options = {name: value for name, value in given.items() if name != "out"}
    return {
        "title": "t",
        "out": str(place.parent),
        "steps": [{"name": place.name, "uses": command, **options}],
    }


def contents(folder):
    """Return every file of a shop: bytes, and what is JSON without the fields that tell times."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".yaml":
            found[str(path.relative_to(folder))] = _comparable(path)
    return found


def _comparable(path):
    if path.name == ".report.html.json":
        return {
            name: value for name, value in json.loads(path.read_text("utf-8")).items() if name == "request"
        }
    if path.suffix == ".json":
        return without(json.loads(path.read_text("utf-8")))
    if path.suffix == ".jsonl":
        return [without(json.loads(line)) for line in path.read_text("utf-8").splitlines()]
    if path.name == "report.html":  # it shows how long everything took
        return path.exists()
    return path.read_bytes()


def without(value):
    if isinstance(value, dict):
        return {name: without(inner) for name, inner in value.items() if name not in VOLATILE}
    return [without(inner) for inner in value] if isinstance(value, list) else value


def test_every_operation_is_run_all_three_ways():
    assert {command for command, _ in WAY} | set(LEFT_OUT) == set(COMMANDS)
    assert {command for command in COMMANDS if issubclass(operation(command), FolderOperation)} <= {
        command for command, given in WAY if "out" in given
    } | {"pull", "download"}


def test_the_three_doors_leave_the_same_folders(doors):
    for command, given in WAY:
        doors(command, given)
        python, program, by_recipe = (
            contents(doors.folder / name) for name in ("python", "program", "recipe")
        )
        assert python.keys() == program.keys() == by_recipe.keys(), command
        for name, value in python.items():
            assert program[name] == value, (command, name)
            assert by_recipe[name] == value, (command, name)


def test_whatever_came_through_one_door_is_done_for_the_others(doors, monkeypatch, capsys):
    given = dict(WAY[0][1])
    doors("ingest", given)
    monkeypatch.chdir(doors.folder / "recipe")
    before = (Path("catalog") / "catalog.json").stat().st_mtime_ns
    assert fz.ingest(**given).rows == 40
    assert run_program(monkeypatch, capsys, "ingest", *arguments("ingest", given))[0] == 0
    assert (Path("catalog") / "catalog.json").stat().st_mtime_ns == before


@pytest.mark.slow
def test_the_sample_is_the_same_through_the_three_doors(doors, tmp_path):
    out = tmp_path / "sample"  # one place for all: it names its pictures by where they lie
    given = {"dataset": "sample", "images": False, "cache": str(tmp_path / "cache"), "out": str(out)}
    for name, door in doors.each.items():
        door("download", given)
        out.rename(doors.folder / name / "sample")
    one, *others = (contents(doors.folder / name / "sample") for name in ("python", "program", "recipe"))
    for other in others:
        assert other.keys() == one.keys()
        differing = [name for name in one if one[name] != other[name]]
        assert differing == []


def test_arrays_are_the_same_set_as_their_import(tmp_path):
    vectors = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    np.save(tmp_path / "mine_image.npy", vectors)
    (tmp_path / "ids.txt").write_text("a\nb\nc\nd\n")
    given = fz.from_arrays("abcd", {"mine_image": vectors}, modality="image", out=tmp_path / "f")
    read = fz.import_vectors(
        tmp_path / "mine_image.npy", format="npy", ids=tmp_path / "ids.txt", out=tmp_path / "g"
    )
    assert fz.diff(given, read).vectors_equal
