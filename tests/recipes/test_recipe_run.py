import re
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

from featurizer.catalog.datasets import get_dataset
from featurizer.errors import InputError, StaleOutput, UnknownName
from featurizer.features.feature_set import FeatureSet
from featurizer.operations.standing import inputs, request
from featurizer.recipes.plan import plan
from featurizer.recipes.recipe import load_recipe
from featurizer.results.stage import differing_keys
from tests.recipes.shop import contents

SAMPLE = "{title: t, out: out, steps: [{name: catalog, uses: download, dataset: sample}]}"
NAMES = ["catalog", "features", "ica", "scores", "model", "table", "card", "report", "publish", "mmrec"]


def now(finished):
    return [one.step.name for one in finished if one.now]


def test_a_recipe_goes_the_whole_way_and_a_second_run_does_nothing(ran, done, go, states):
    first = ran[1]
    assert now(first) == NAMES
    assert all(one.summary for one in first)
    assert all(Path(file).exists() for one in first for file in one.files)
    assert set(states().values()) == {"done"}
    before = contents(done / "out")
    assert {
        "ica/features/data/train-00000-of-00001.parquet",
        "model/users.parquet",
        "scores/scores.json",
    } <= set(before)
    again = go()
    assert now(again) == []
    assert [one.summary for one in again] == [one.summary for one in first]
    assert contents(done / "out") == before


def test_a_changed_option_makes_its_step_and_those_below_stale_until_overwrite(done, go, states):
    found = states("model.training.epochs=1", "scores.k=[5]")
    assert [name for name, state in found.items() if state == "stale"] == ["scores", "model"]
    assert [name for name, state in states("ica.training.epochs=1").items() if state == "stale"] == [
        "ica", "scores", "model", "mmrec",
    ]  # fmt: skip
    before = contents(done / "out")
    with pytest.raises(
        StaleOutput, match=r"model \(differing: options\.training\.epochs \(4 there, 1 asked for\)"
    ):
        go("model.training.epochs=1")
    assert contents(done / "out") == before
    assert now(go("model.training.epochs=1", overwrite=True)) == ["model", "table", "report"]
    assert set(states("model.training.epochs=1").values()) == {"done"}
    assert contents(done / "out") != before


def test_what_is_gone_is_made_again_with_the_scores_attached_to_it_and_the_rest_is_not(done, go, states):
    before = contents(done / "out")
    shutil.rmtree(done / "out/features")
    assert [name for name, state in states().items() if state != "done"] == ["features", "scores"]
    assert now(go()) == ["features", "scores"]
    assert set(states().values()) == {"done"}
    assert contents(done / "out") == before


@pytest.mark.parametrize("name", ["README.md", "croissant.json"])
def test_a_card_that_is_gone_is_written_again_and_published_again(done, go, states, name):
    (done / "out/ica/features" / name).unlink()
    assert [name for name, state in states().items() if state != "done"] == ["card", "publish"]
    assert now(go()) == ["card"]


def test_changed_items_make_the_catalog_stale(go, states, shop):
    go(only="catalog")
    assert states()["catalog"] == "done"
    with (shop / "items.csv").open("a") as file:
        file.write("i99,red lamp\n")
    assert states()["catalog"] == "stale"


UPDATED = """
title: A shop that changes
out: out
steps:
  - {name: catalog, uses: ingest, path: items.csv, images: pictures, interactions: clicks.csv}
  - {name: features, uses: extract, catalog: catalog, encoders: [small], shard_rows: 16, device: cpu, update: true}
  - {name: scores, uses: score-features, features: features, interactions: catalog, metrics: [zero-shot], device: cpu}
"""


def test_what_follows_from_a_change_is_brought_up_to_date_or_made_again_and_an_option_is_not(
    go, states, shop
):
    (shop / "shop.yaml").write_text(UPDATED)
    go()
    with (shop / "items.csv").open("a") as file:
        file.write("i99,red lamp\n")
    go(only="catalog", overwrite=True)
    assert states() == {"catalog": "done", "features": "to do", "scores": "to do"}
    finished = go()
    assert now(finished) == ["features", "scores"]
    assert FeatureSet.open("out/features").manifest.update.new == 1
    assert now(go()) == []
    assert states("scores.k=[5]")["scores"] == "stale"
    with pytest.raises(StaleOutput, match=r"scores \(differing: options\.k"):
        go("scores.k=[5]")


def test_the_plan_says_that_what_reads_from_an_update_may_be_made_again(go, shop):
    (shop / "shop.yaml").write_text(UPDATED.replace("clicks.csv}", "clicks.csv, update: true}"))
    go()
    with (shop / "items.csv").open("a") as file:
        file.write("i99,red lamp\n")
    found = [(step.name, one.standing, one.why) for step, one in plan(load_recipe("shop.yaml"))]
    assert found[0][:2] == ("catalog", "to do")
    assert found[0][2].startswith("brought up to date; differing: content")
    assert found[1:] == [
        ("features", "to do", "made again if catalog becomes another"),
        ("scores", "to do", "made again if features or catalog becomes another"),
    ]
    assert now(go()) == ["catalog", "features", "scores"]
    assert [one.standing for _, one in plan(load_recipe("shop.yaml"))] == ["done"] * 3


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("catalog.path=nope.csv", "step catalog: nope.csv does not exist"),
        ("catalog.images=nope", "step catalog: nope is no folder"),
        ("catalog.item_id_column=nope", "step catalog: unknown column of items.csv 'nope'"),
        ("catalog.user_column=nope", "step catalog: unknown column of clicks.csv 'nope'"),
        ("catalog.text_template='{nope}'", "step catalog: unknown field or column in the text template"),
        ("catalog.text_template='{title'", "step catalog: text template '{title' cannot be read"),
        ("catalog.encoding=klingon", "step catalog: no encoding is called 'klingon'"),
        ("catalog.delimiter=abc", "step catalog: the delimiter 'abc' is not one sign"),
        ("features.encoders=[smal]", "step features: unknown encoder 'smal': did you mean small"),
        ("features.device=tpu", "step features: unknown device 'tpu'"),
        ("ica.vision=nope", "step ica: unknown encoder 'nope'"),
        ("scores.metrics=[nope]", "step scores: unknown scorer 'nope'"),
        ("model.device=tpu", "step model: unknown device 'tpu'"),
        ("mmrec.format=nope", "step mmrec: unknown format 'nope'"),
        ("publish.repo=nope", "step publish: 'nope' is no repository's name"),
    ],
)
def test_a_value_that_will_not_do_is_refused_in_the_plan(states, setting, said):
    with pytest.raises(InputError, match=re.escape(said)):
        states(setting)


def test_a_value_is_not_looked_at_where_its_step_is_done_or_left_out(done, states):
    assert states("features.device=tpu", only="card")["card"] == "done"


def test_an_option_that_changes_nothing_of_the_result_makes_nothing_stale(done, states):
    assert set(states("features.workers=1", "ica.cache=false").values()) == {"done"}


@pytest.mark.parametrize("encoder", ["clip=transformers:./model", "ica:model"])
def test_a_local_encoder_is_read_and_another_in_its_place_makes_its_vectors_stale(shop, encoder):
    (shop / "model/inner").mkdir(parents=True)
    (shop / "model/inner/weights.bin").write_bytes(b"one")
    step = load_recipe("shop.yaml", [f"features.encoders=['{encoder}']"]).steps[1]
    assert [path for field, _, path in inputs(step.operation) if field == "encoders"] == [Path("model")]
    before = request(step.operation)
    assert request(step.operation) == before
    (shop / "model/inner/weights.bin").write_bytes(b"two")
    assert differing_keys(before, request(step.operation))[0].startswith("reads.encoders")


def test_a_report_of_a_folder_of_results_is_written_again_when_one_of_them_changes(done, go, states):
    text = (done / "shop.yaml").read_text()
    (done / "shop.yaml").write_text(
        text.replace("of: [catalog, features, ica, scores, model]", "of: [others]")
    )
    shutil.copytree(done / "out/features", done / "others/first")
    assert now(go(only="report")) == ["report"]
    assert states(only="report")["report"] == "done"
    shutil.copytree(done / "out/catalog", done / "others/second")
    assert now(go(only="report")) == ["report"]


def test_a_data_set_that_the_manifest_tells_otherwise_of_is_stale(shop, monkeypatch):
    (shop / "shop.yaml").write_text(SAMPLE)
    step = load_recipe("shop.yaml").steps[0]
    before = request(step.operation)
    changed = get_dataset("sample").model_copy(update={"k_core": 7})
    monkeypatch.setattr("featurizer.catalog.datasets.get_dataset", lambda _: changed)
    assert differing_keys(before, request(step.operation)) == ["entry.k_core (5 there, 7 asked for)"]


def test_from_and_only_choose_steps_and_a_missing_input_is_named(go, states):
    assert states(start="model") == dict.fromkeys(NAMES[:4], "left out") | dict.fromkeys(NAMES[4:], "to do")
    with pytest.raises(InputError, match=r"step features, field catalog: out/catalog is not there"):
        go(start="features")
    assert now(go(only="catalog")) == ["catalog"]
    assert now(go(only="features")) == ["features"]
    with pytest.raises(InputError, match="only step catalog was asked for, and from step model"):
        go(start="model", only="catalog")
    with pytest.raises(UnknownName, match="did you mean features"):
        go(only="feature")


def test_a_step_without_its_variable_is_left_out_with_those_that_may_do_without(states, shop):
    loaded = load_recipe("shop.yaml", ["interactions="])
    assert loaded.left_out == dict.fromkeys(("scores", "model", "table"), "interactions")
    assert [step.name for step, _ in plan(loaded)] == [name for name in NAMES if name not in loaded.left_out]
    text = (
        (shop / "shop.yaml")
        .read_text()
        .replace("    uses: train\n    when: interactions\n", "    uses: train\n")
    )
    (shop / "shop.yaml").write_text(
        text.replace("features: ica\n    interactions: catalog", "features: scores")
    )
    with pytest.raises(InputError, match="step scores is left out"):
        load_recipe("shop.yaml", ["interactions="])


class Killed(BaseException):
    """What nothing catches."""


@pytest.mark.parametrize(("place", "after"), [("features", 2), ("ica", 5), ("model", 6)])
def test_a_run_that_is_cut_short_goes_on_and_ends_the_same(ran, shop, go, place, after):
    reports = 0

    @contextmanager
    def deadly(step):
        def report(progress):
            nonlocal reports
            reports += step.name == place
            if reports == after:
                raise Killed

        yield report

    with pytest.raises(Killed):
        go(watch=deadly)
    go()
    assert contents(shop / "out") == contents(ran[0] / "out")
