"""`score-features` as a user runs it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.interactions.read import SCHEMA
from featurizer.interactions.store import write_interactions
from tests.support.program import run_program

ITEMS, USERS = 30, 24


def features(folder, name, *, items=ITEMS, seed=0, spaces=("clip_image", "mini_text")):
    ids = [f"i{row:02d}" for row in range(items)]
    made = []
    for number, space in enumerate(spaces):
        generator = np.random.default_rng([seed, number])
        centers = generator.standard_normal((3, 6))
        vectors = centers[np.arange(items) % 3] + 0.4 * generator.standard_normal((items, 6))
        modality = space.rpartition("_")[2] if "_" in space else "both"
        present = np.arange(items) != number
        made.append(ArraySpace(space, modality, vectors.astype(np.float32), present))
    write_arrays(folder / name, ids, made, overwrite=True)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    import polars as pl

    folder = tmp_path_factory.mktemp("score")
    features(folder, "one")
    features(folder, "two", items=ITEMS - 2, seed=1)
    generator, rows = np.random.default_rng(0), []
    for user in range(USERS):
        own = [item for item in range(ITEMS) if item % 3 == user % 3]
        for item, split in zip(
            generator.choice(own, 6, replace=False), ["train"] * 4 + ["valid", "test"], strict=True
        ):
            rows.append((f"u{user:02d}", f"i{item:02d}", None, None, split))
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    write_interactions(frame, folder / "interactions.parquet")
    return folder


@pytest.fixture
def call(monkeypatch, capsys, world):
    monkeypatch.chdir(world)

    def run(*arguments):
        return run_program(monkeypatch, capsys, "score-features", *arguments)

    return run


GIVEN = ("-i", "interactions.parquet")


def test_the_leaderboard_has_a_row_a_space_and_the_baselines(call, tmp_path):
    code, out, err = call("one", *GIVEN, "--out", tmp_path / "scores", "--neighbors", "5")
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0].endswith("zero-shot R@20  item-cf R@20 (5 nearest)  learned from")
    for name in ("clip_image", "mini_text", "clip_image+mini_text", "popularity", "random"):
        assert sum(name == line.split()[1] for line in lines[2:] if line and ">" not in line) == 1
    assert "p = " in lines[-1]
    assert (tmp_path / "scores/scores.json").exists()


def test_json_is_what_the_file_holds_and_a_second_run_reads_it(call, tmp_path):
    options = (*GIVEN, "--out", tmp_path / "scores", "--metrics", "zero-shot", "-k", "5,3", "--json")
    code, out, err = call("one", *options)
    assert code == 0, err
    found = json.loads(out)
    kept = json.loads((tmp_path / "scores/scores.json").read_text())
    assert found == {name: value for name, value in kept.items() if name != "config"}
    assert {row["k"] for row in found["scores"]} == {3, 5}
    assert json.loads(call("one", *options)[1]) == {**found, "nothing_to_do": True}


def test_sets_with_other_items_are_compared_on_those_they_share(call, tmp_path):
    code, _, err = call("one", "two", *GIVEN, "--out", tmp_path / "s", "--space", "clip_image")
    assert code == 0, err
    assert "the feature sets hold 30, 28 items; compared on the 28 that all have" in err
    assert "pairs are of items that not every feature set has" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--space", "clip_imge"), "did you mean clip_image?"),
        (("--metrics", "zero-shoot"), "unknown scorer 'zero-shoot': did you mean zero-shot?"),
        (("--transform", "bleach"), "expected one or more of auto, none, center, whiten"),
        (("-k", "0"), "expected whole numbers above 0"),
        (("--memory", "lots"), "'lots' is no amount of memory"),
        (("--memory", "10B"), "too little memory"),
        (("--ratios", "0,2"), "expected numbers from 0 to 1"),
        (("--masked", "sound=two"), "expected image=DIR or text=DIR"),
        (("--masked", "image=two"), "no space that was encoded without its image"),
        (("--device", "tpu"), "unknown device 'tpu'"),
        (("--metrics", ","), "--metrics: found nothing, expected one or more"),
        (("--split", "holdout"), "expected one or more of valid, test"),
        (("--item-map", "nowhere.csv"), "nowhere.csv cannot be read"),
    ],
)
def test_bad_options_end_in_one_clear_paragraph(call, tmp_path, options, message):
    code, _, err = call("one", *GIVEN, "--out", tmp_path / "s", *options)
    assert code == 1
    assert message in err.strip().splitlines()[-1]
    assert not (tmp_path / "s").exists()


def test_the_same_set_twice_and_no_set_are_refused(call, tmp_path):
    assert "given twice" in call("one", "one", *GIVEN, "--out", tmp_path / "s")[2]
    assert "no folder" in call("nowhere", *GIVEN, "--out", tmp_path / "s")[2]


def test_attached_scores_stand_in_each_set_and_its_card_and_change_no_vector(call, tmp_path, world):
    before = json.loads((world / "one/feature_set.json").read_text())["shards"]
    options = ("--metrics", "zero-shot,diagnostics", "--space", "clip_image", "--attach")
    code, _, err = call("one", "two", *GIVEN, "--out", tmp_path / "s", *options)
    assert code == 0, err
    for name, other in (("one", "two"), ("two", "one")):
        attached = json.loads((world / name / "scores.json").read_text())
        assert {row["feature_set"] for row in attached["scores"]} == {name, "floor"}
        assert {other} <= {row[side]["feature_set"] for row in attached["comparisons"] for side in "ab"}
        assert "zero" in (world / name / "README.md").read_text()
    assert json.loads((world / "one/feature_set.json").read_text())["shards"] == before


def test_masks_and_training_have_columns_of_their_own(call, tmp_path):
    options = ("--metrics", "mask-modality,downstream", "--space", "clip_image+mini_text", "--ratios", "0,1")
    quick = ("--model", "bpr", "--epochs", "1", "--seeds", "2", "--neighbors", "3")
    code, out, err = call("one", *GIVEN, "--out", tmp_path / "s", *options, *quick)
    assert code == 0, err
    head = out.splitlines()[0]
    for title in ("downstream R@20", "without image, area R@20", "without text, area R@20"):
        assert title in head
    assert sorted(path.name for path in (tmp_path / "s").glob("[!.]*")) == ["masks.parquet", "scores.json"]
