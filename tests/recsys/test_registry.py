"""Recommenders by entry point: listed without torch, and one broken package takes nobody else's away."""

from __future__ import annotations

import logging
import subprocess
import sys
from importlib.metadata import EntryPoint, entry_points

import pytest
from toy import CLOSED_FORMS, MODELS, small

from featurizer import registry
from featurizer.errors import FeaturizerError, InputError, UnknownName
from featurizer.operations.options import options_of
from featurizer.operations.train import Train
from featurizer.recsys.configuration import configuration
from featurizer.recsys.registry import load_recommender, recommenders
from featurizer.registry import RECOMMENDERS
from tests.support.linear_recommender import LINEAR


@pytest.fixture
def installed(monkeypatch):
    """Install plug-ins of other packages, by name and what their entry points refer to."""

    def install(**values: str) -> None:
        others = [EntryPoint(name, value, RECOMMENDERS) for name, value in values.items()]
        monkeypatch.setattr(registry, "entry_points", lambda group: [*entry_points(group=group), *others])

    return install


def test_importing_every_shipped_model_imports_neither_torch_nor_numpy_scipy_or_polars():
    code = (
        "import sys; from featurizer.recsys.registry import recommenders; "
        "known = recommenders(); "
        f"assert set(known) >= set({MODELS + CLOSED_FORMS!r}), known; "
        "print(*{'torch', 'numpy', 'scipy', 'polars'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "\n", "")


def test_a_recommender_of_another_package_is_offered_beside_the_shipped_ones(installed):
    installed(linear="tests.support.linear_recommender:LINEAR")
    assert load_recommender("linear") is LINEAR
    assert set(recommenders()) == {*MODELS, *CLOSED_FORMS, "linear"}


def test_a_plugin_that_cannot_be_imported_takes_no_other_away_and_says_why_when_asked_for(
    installed, caplog, tmp_path, monkeypatch
):
    (tmp_path / "of_syntax.py").write_text("def")
    (tmp_path / "of_value.py").write_text("raise ValueError('no weights')")
    monkeypatch.syspath_prepend(str(tmp_path))
    installed(absent="nowhere.at_all:SPEC", syntax="of_syntax:SPEC", value="of_value:SPEC")
    with caplog.at_level(logging.WARNING):
        assert set(recommenders()) == {*MODELS, *CLOSED_FORMS}
    assert len(caplog.messages) == 3
    assert "'value' of an unknown package cannot be imported from of_value:SPEC: no weights" in caplog.text
    with pytest.raises(FeaturizerError, match=r"'absent' .* Reinstall that package or remove it"):
        load_recommender("absent")


@pytest.fixture
def distributed(tmp_path, monkeypatch):
    """A package with its own name and version, whose recommender takes train's own option `seeds`."""
    (tmp_path / "greedy_recommender.py").write_text(
        "from dataclasses import replace\n"
        "from featurizer.config import Config\n"
        "from featurizer.recsys.options import TrainOptions\n"
        "from featurizer.recsys.spec import Preset\n"
        "from tests.support.linear_recommender import LINEAR\n"
        "class Options(Config):\n"
        "    seeds: int = 1\n"
        "PRESETS = {'default': Preset(Options(), TrainOptions())}\n"
        "GREEDY = replace(LINEAR, name='greedy', options=Options, presets=PRESETS)\n"
    )
    info = tmp_path / "of_two-1.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: of-two\nVersion: 1.5\n", "utf-8")
    (info / "entry_points.txt").write_text(
        "[featurizer.recommenders]\nlinear = tests.support.linear_recommender:LINEAR\n"
        "greedy = greedy_recommender:GREEDY\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    options_of.cache_clear()
    yield info
    sys.modules.pop("greedy_recommender", None)
    options_of.cache_clear()


@pytest.mark.usefixtures("distributed")
def test_an_option_that_train_has_itself_is_nobody_elses_and_the_others_say_whose_they_are(caplog):
    with caplog.at_level(logging.WARNING):
        told = {option.name: option.help for option in options_of(Train)}
    assert "'greedy' is left out: its option seeds is one of train's own" in caplog.text
    assert told["seeds"] == "How many seeds."
    assert told["alpha"].endswith("(alignrec)")
    assert told["bias"].endswith("read off the features. (linear)")
    assert told["dim"].endswith("items get. (alignrec, bpr, freedom, lightgcn, linear, vbpr)")


def test_a_plugins_version_is_part_of_what_is_asked_and_of_the_models_fingerprint(distributed):
    asked = Train(features="f", interactions="i", out="o", model="linear")
    assert asked.settled()["plugins"] == {"of-two": "1.5"}
    before = configuration(load_recommender("linear")).record()
    (distributed / "METADATA").write_text("Metadata-Version: 2.1\nName: of-two\nVersion: 1.6\n", "utf-8")
    assert configuration(load_recommender("linear")).record() == before | {"plugins": {"of-two": "1.6"}}
    assert "plugins" not in configuration(load_recommender("bpr")).record()


def test_what_is_no_recommender_or_has_another_name_is_refused(installed, caplog):
    installed(number="math:pi", other="tests.support.linear_recommender:LINEAR")
    with pytest.raises(FeaturizerError, match=r"'number' .* is a float, expected a RecommenderSpec"):
        load_recommender("number")
    with pytest.raises(FeaturizerError, match=r"'other' .* is called 'linear', expected .* of that name"):
        load_recommender("other")
    assert set(recommenders()) == {*MODELS, *CLOSED_FORMS}


def test_an_unknown_recommender_or_preset_names_the_nearest():
    with pytest.raises(UnknownName, match="unknown recommender 'lightgnc': did you mean lightgcn"):
        load_recommender("lightgnc")
    with pytest.raises(UnknownName, match="unknown preset of bpr 'exact': did you mean default"):
        configuration(load_recommender("bpr"), "exact")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "lightgcn",
            {"alpha": 0.5},
            "lightgcn has no use for --alpha; leave it out. It takes --dim, --layers",
        ),
        (
            "bpr",
            {"reg": 0.5, "layers": 2},
            "bpr has no use for --lambda, --layers; .* It takes --dim, --uia, --l2",
        ),
        ("alignrec", {"alhpa": 0.5}, "alignrec has no use for alhpa; .* --lambda"),
        ("alignrec", {"moving_target": True}, "no use for --moving-target; leave it out, or add --exact"),
        ("alignrec", {"alpha": -1.0}, "the options of alignrec: alpha: .* greater than or equal to 0"),
        ("alignrec", {"alpha": float("nan")}, "alpha: .* finite number"),
        ("alignrec", {"temperature": 0.01}, "temperature: .* greater than or equal to 0.02"),
        ("freedom", {"keep_edges": 1.5}, "keep_edges: .* less than or equal to 1"),
        ("freedom", {"keep_edges": 0.0}, "keep_edges: .* greater than 0"),
    ],
)
def test_an_option_that_a_model_has_not_or_that_means_nothing_is_refused(name, options, message):
    with pytest.raises(InputError, match=message):
        small(name, options)


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ({"epochs": 0}, "the training of alignrec: epochs: .* greater than or equal to 1"),
        ({"ks": ()}, "ks: .* at least 1 item"),
        ({"ks": (0,)}, "ks.0: .* greater than or equal to 1"),
        ({"learning_rate": float("nan")}, "learning_rate: .* finite number"),
        ({"learnig_rate": 0.1}, "learnig_rate: Extra inputs are not permitted"),
    ],
)
def test_a_train_option_that_means_nothing_is_refused(training, message):
    with pytest.raises(InputError, match=message):
        small(training=training)
