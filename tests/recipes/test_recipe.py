from pathlib import Path

import pytest

from featurizer.cli.pages import help_text
from featurizer.errors import InputError, UnknownName
from featurizer.recipes.recipe import load_recipe, parse_recipe, shipped
from featurizer.recipes.settings import filled, with_settings

ROOT = Path(__file__).parent.parent.parent
SMALL = """
title: t
out: runs/${size}
vars: {size: tiny, epochs: 3, none: null}
steps:
  - {name: catalog, uses: download, dataset: sample}
  - name: ica
    uses: pretrain-ica
    catalog: catalog
    vision: v
    text: t
    size: ${size}
    training: {epochs: "${epochs}"}
"""


def parsed(text=SMALL, *settings):
    return parse_recipe(text, origin="my.yaml", name="my", settings=settings)


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_recipe_is_valid_and_shares_nothing_without_a_license(name, tmp_path):
    (tmp_path / "items.csv").write_text("id,title\na,Cup\n")
    items = [f"items={tmp_path / 'items.csv'}"] if name == "own-catalog" else []
    loaded = load_recipe(name, items)
    assert loaded.title
    published = [step for step in loaded.steps if step.uses == "publish"]
    assert all(step.operation.dry_run for step in published)
    assert published or "publish" in loaded.left_out or name == "ablation"


def test_every_shipped_recipe_is_named_by_the_help_and_by_the_page():
    page = (ROOT / "docs/recipes.md").read_text("utf-8")
    told = " ".join(help_text("run").split()).replace("- ", "-")
    assert [name for name in shipped() if name not in told or f"`{name}`" not in page] == []


def test_a_shipped_recipe_is_found_by_name_and_by_path_and_an_unknown_one_named():
    assert load_recipe("quickstart") == load_recipe("pipelines/quickstart.yaml")
    with pytest.raises(UnknownName, match="did you mean quickstart"):
        load_recipe("quikstart")
    with pytest.raises(UnknownName, match="path of a YAML file"):
        load_recipe("elsewhere/quickstart.yaml")


def test_variables_fill_texts_and_keep_their_type_where_they_stand_alone():
    loaded = parsed(SMALL, "epochs=7", "size=base", "ica.training.seed=4")
    assert str(loaded.out) == "runs/base"
    made = loaded.steps[1].operation
    assert made.options().training.epochs == 7
    assert made.options().training.seed == 4
    assert made.size == "base"
    assert str(made.catalog) == "runs/base/catalog"
    assert loaded.steps[1].after == ("catalog",)
    assert filled(["${a}", "x${a}"], {"a": 3}) == [3, "x3"]
    with pytest.raises(InputError, match="--set a=VALUE"):
        filled("x${a}", {"a": None})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("dataset: sample", "datset: sample", "field datset: no such option; did you mean dataset"),
        ("uses: download", "uses: downlod", "field uses: unknown command 'downlod': did you mean download"),
        ("catalog: catalog", "catalog: catalogg", "field catalog: unknown step 'catalogg': did you mean catalog"),
        ("catalog: catalog", "catalog: ica", "step ica, field catalog: unknown step 'ica'"),
        ("name: ica", "name: catalog", "step 2: a step called 'catalog' stands above"),
        ("name: ica", "name: Ica!", "step 2, field name: found 'Ica!'"),
        ("{epochs:", "{epoch:", "step ica: unknown option 'epoch': did you mean epochs"),
        ('"${epochs}"', "many", r"step ica: epochs: Input should be a valid integer.* \(found 'many'\)"),
        ("size: ${size}", "size: huge", "step ica, field size: found 'huge', expected one of tiny, small, base"),
        ("text: t\n", "text: ${none}\n", "field text: the variable none has no value; give one with --set none=VALUE"),
        ("text: t\n", "text: ${nun}\n", "field text: unknown variable 'nun': did you mean none"),
        ("uses: pretrain-ica", "uses: pretrain-ica\n    when: siz", "unknown variable in 'when' of step ica"),
        ("title: t", "titel: t", "titel: Extra inputs"),
        ("steps:", "steps: [", "not valid YAML"),
    ],
)  # fmt: skip
def test_an_error_names_file_step_and_field(old, new, message):
    assert old in SMALL
    with pytest.raises(InputError, match=message) as raised:
        parsed(SMALL.replace(old, new))
    assert str(raised.value).startswith("my.yaml")


def test_a_step_takes_what_an_earlier_one_makes_and_nothing_else():
    text = SMALL + "  - {name: model, uses: train, features: catalog, interactions: catalog}\n"
    with pytest.raises(InputError, match="step catalog makes catalog and interactions; expected"):
        parsed(text)
    loaded = parsed(text.replace("features: catalog", "features: ica"))
    made = loaded.steps[2].operation
    assert str(made.features) == "runs/tiny/ica/features"
    assert str(made.interactions) == "runs/tiny/catalog/interactions.parquet"


@pytest.mark.parametrize("setting", ["epochs", "=3", "epoch=3", "icaa.size=tiny", "out=[", "out=", "steps=3"])
def test_a_setting_that_changes_nothing_is_refused(setting):
    with pytest.raises(
        InputError, match=r"expected KEY=VALUE|unknown setting|no YAML value|expected a folder to write"
    ):
        parsed(SMALL, setting)


def test_settings_leave_what_they_are_given_as_it_is():
    document = {"out": "a", "vars": {"x": 1}, "steps": [{"name": "s", "k": {"l": 1}}]}
    changed = with_settings(document, ["x=2", "out=b", "s.k.l=[1, 2]"])
    assert changed == {"out": "b", "vars": {"x": 2}, "steps": [{"name": "s", "k": {"l": [1, 2]}}]}
    assert document["vars"] == {"x": 1}


def test_a_setting_of_a_groups_option_replaces_the_one_inside_the_group():
    inside: dict = {"steps": [{"name": "model", "uses": "train", "training": {"epochs": 2, "seed": 1}}]}
    for key in ("model.epochs", "model.training.epochs"):
        (step,) = with_settings(inside, [f"{key}=1"])["steps"]
        assert step["training"] == {"epochs": 1, "seed": 1}
        assert "epochs" not in step
    (step,) = with_settings({"steps": [{"name": "model", "uses": "train"}]}, ["model.epochs=1"])["steps"]
    assert step["epochs"] == 1


def test_a_step_that_reads_interactions_of_a_catalog_without_any_is_refused_when_it_is_read():
    text = SMALL.replace("dataset: sample", "dataset: amazon-berkeley-objects").replace(
        "text: t", "text: t\n    interactions: catalog"
    )
    with pytest.raises(InputError, match=r"step ica, field interactions: step catalog makes no interactions"):
        parsed(text)
