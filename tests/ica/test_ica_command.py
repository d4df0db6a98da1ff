"""`pretrain-ica` and `extract --encoder ica:DIR` with the two real encoders that come in wheels."""

import json

import pytest
from typer.testing import CliRunner

from featurizer.cli.app import app
from featurizer.errors import InputError
from featurizer.features.feature_set import FeatureSet
from tests.ica.conftest import record
from tests.support.items import make_catalog


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return make_catalog(tmp_path_factory.mktemp("command") / "c", [record(n) for n in range(20)])


def run(*arguments):
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def test_a_catalog_becomes_a_model_whose_features_are_extracted_and_verified(small, tmp_path):
    pytest.importorskip("sentence_transformers")
    encoders = ("--vision", "efficientnet-lite0", "--text", "minilm")
    done = run(
        "pretrain-ica", small.folder, *encoders, "--out", tmp_path / "ica",
        "--size", "tiny", "--epochs", 1, "--batch-size", 8, "--codes", 16, "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    printed = json.loads(done.stdout)
    assert printed["spaces"] == ["unified", "efficientnet-lite0_image", "minilm_text"]
    assert printed["train_items"] + printed["valid_items"] == 20
    assert (tmp_path / "ica" / "features" / "README.md").exists()
    out = tmp_path / "masked"
    asked = ("--encoder", f"ica:{tmp_path / 'ica'}", "--out", out)
    # the frozen encoder computes in bfloat16, the model in float32
    assert (
        run("extract", small.folder, *asked, "--mask", "image", "--compute-dtype", "bfloat16").exit_code == 0
    )
    masked = FeatureSet.open(out)
    assert list(masked.spaces) == ["unified"]
    assert masked.spaces["unified"].null == sum(record(n).title is None for n in range(20))
    start = tmp_path / "start"
    asked = ("--encoder", f"filled:{tmp_path / 'ica'}", "--mask", "image", "--out", start)
    assert run("extract", small.folder, *asked).exit_code == 0
    filled = FeatureSet.open(start)
    assert list(filled.spaces) == ["filled"]
    spec = filled.spaces["filled"]
    assert spec.preprocessing["filled"].keys() == {"image", "text"}
    assert (spec.mask, spec.dim) == ("image", masked.spaces["unified"].dim)
    for folder in (out, start, tmp_path / "ica" / "features"):
        checked = run("verify", folder, "--catalog", small.folder, "--sample", 4, "--json")
        assert json.loads(checked.stdout) == {"ok": True, "kind": "feature set", "problems": [], "notes": []}
    with pytest.raises(InputError, match="hides a modality from an encoder of both, but minilm reads one"):
        run("extract", small.folder, "--encoder", "minilm", "--mask", "text", "--out", tmp_path / "no")


def test_an_encoder_without_that_side_is_refused(small, tmp_path):
    with pytest.raises(InputError, match="MiniLM-L6-v2 gives vectors of text, but image was asked for"):
        run("pretrain-ica", small.folder, "--vision", "minilm", "--text", "minilm", "--out", tmp_path / "x")
