import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from featurizer.encoders.base import EncoderRequest
from featurizer.encoders.libraries import library_versions
from featurizer.encoders.weights import state_sha256
from featurizer.errors import InputError, StaleOutput
from featurizer.features.encode_again import verify_sample
from featurizer.features.extract import ExtractOptions, extract
from featurizer.features.feature_set import FeatureSet
from featurizer.features.join import join
from featurizer.features.verify import verify
from featurizer.ica.encoder import FILLED, IcaEncoder, unified_spec
from featurizer.ica.fills import FILLS
from featurizer.ica.pretrain import PretrainRun, _contrastive, pretrain
from featurizer.ica.saved_model import load_saved_model
from featurizer.ica.token_store import TokenEncoders
from featurizer.release.model import render_model_card
from featurizer.results.stage import Stage
from featurizer.scoring.spaces import open_candidates, read_space
from featurizer.scoring.taught import origin, taught
from tests.ica.conftest import by_the_paper
from tests.support.small_tokens import Patches, Words

RUN = PretrainRun("patches", "words")


@pytest.fixture(scope="module")
def made(catalog, encoders, options, tmp_path_factory):
    return pretrain(catalog, encoders, tmp_path_factory.mktemp("ica") / "out", options, RUN)


def test_a_start_that_no_epoch_beats_is_kept_and_said(catalog, encoders, options, tmp_path, caplog):
    none = options.replaced(training=options.training.replaced(epochs=0))
    made = pretrain(catalog, encoders, tmp_path, none, RUN)
    assert "training not used" in caplog.text
    assert (made.manifest.training, made.manifest.epochs, made.manifest.best_epoch) == ("not used", 0, 0)
    assert made.manifest.residual_share == {"image": 0.0, "text": 0.0, "nothing": 0.0}
    assert "not used" in render_model_card(tmp_path)
    assert origin("unified", made.features.spaces) == "training not used"
    parts = [made.features.vectors(name) for name in ("patches_image", "words_text")]
    unified, present = made.features.vectors("unified")
    whole = parts[0][1] & parts[1][1]
    assert present[whole].all()
    joined, _ = join(parts)
    np.testing.assert_allclose(unified[whole], joined[whole], atol=1e-5)
    (candidate,), _ = open_candidates([tmp_path / "features"])
    for transform in ("auto", "none"):
        scored = read_space(candidate, "unified", transform, {}).vectors
        np.testing.assert_array_equal(scored, unified, "a centered join is not centered again")
    together = read_space(candidate, "patches_image+words_text", "auto", {}).vectors
    np.testing.assert_allclose(unified[whole], together[whole], atol=1e-5)
    white = read_space(candidate, "unified", "whiten", {}).vectors[present]
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=1e-4)


@pytest.mark.parametrize("mask", [None, "image", "text"])
def test_what_says_filled_is_the_start_and_what_training_added_is_unified(
    made, catalog, encoders, options, tmp_path, mask
):
    none = options.replaced(training=options.training.replaced(epochs=0))
    start = pretrain(catalog, encoders, tmp_path / "start", none, RUN)
    unified = encoder_of(start.folder, encoders, mask)
    filled = encoder_of(made.folder, encoders, mask)
    filled = replace(filled, spec=replace(filled.spec, name="filled", family=FILLED))
    found = [
        extract(catalog, [one], tmp_path / one.spec.name, ExtractOptions()).vectors(one.spec.name)
        for one in (unified, filled)
    ]
    np.testing.assert_array_equal(found[0][1], found[1][1])
    np.testing.assert_allclose(found[0][0], found[1][0], atol=1e-5)


def test_the_manifest_says_what_fills_and_what_training_added(made):
    told = made.manifest
    assert set(told.fills) == {"image", "text"}
    assert set(told.fills.values()) <= set(FILLS)
    assert told.gate["whole"] == 0.0
    assert told.residual_share["nothing"] == 0.0
    assert (told.residual_share["text"] > 0) == (told.training == "used")
    assert told.held_out["overlap"] == 1.0
    assert 0 < told.held_out["nearness_image"] <= 1


def test_a_model_of_the_first_format_is_refused_in_words(made, tmp_path):
    shutil.copytree(made.folder / "model", tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    (tmp_path / "model" / "config.json").write_text(json.dumps(config | {"format_version": 1}))
    with pytest.raises(InputError, match=r"ica format 1; this version reads ica format 2.*train again"):
        load_saved_model(tmp_path)


def test_interactions_that_chose_the_epoch_stand_in_the_space(catalog, encoders, options, tmp_path):
    rows = [f"u{n % 9},i{n},{'valid' if n % 4 == 0 else 'train'}\n" for n in range(120)]
    (tmp_path / "bought.csv").write_text("user_id,item_id,split\n" + "".join(rows))
    made = pretrain(
        catalog, encoders, tmp_path / "out", options, replace(RUN, interactions=tmp_path / "bought.csv")
    )
    assert made.features.spaces["unified"].preprocessing["terms"] == {"epoch": "valid_recall@20"}
    known = taught(made.features, "unified", np.arange(120))
    assert known.items.all()
    assert known.learn is None


def encoder_of(folder, encoders, mask=None):
    bundle = load_saved_model(folder)
    request = EncoderRequest("unified", str(folder), mask=mask)
    spec = unified_spec(bundle, request, state_sha256(bundle.model))
    return IcaEncoder(spec, bundle, encoders.image, encoders.text, "cpu", mask)


def test_it_leaves_tokens_a_model_and_a_feature_set_with_unified_and_both_pooled_spaces(made):
    assert {path.name for path in made.folder.iterdir()} == {"tokens", "model", "features"}
    assert {path.name for path in (made.folder / "model").iterdir()} == {
        "config.json",
        "manifest.json",
        "metrics.jsonl",
        "model.safetensors",
    }
    assert list(made.features.spaces) == ["unified", "patches_image", "words_text"]
    assert "terms" not in made.features.spaces["unified"].preprocessing
    for manifest in (made.manifest, made.features.manifest):
        assert manifest.config["libraries"] == library_versions()
    assert verify(made.features) == []
    assert made.features.item_ids() == [f"i{n}" for n in range(120)]
    nulls = {name: spec.null for name, spec in made.features.spaces.items()}
    lacking = [n for n in range(120) if n % 7 == 6 and n % 13 == 12]
    assert nulls == {
        "unified": len(lacking),
        "patches_image": sum(n % 7 == 6 for n in range(120)),
        "words_text": sum(n % 13 == 12 for n in range(120)),
    }
    assert lacking
    lines = [json.loads(line) for line in (made.folder / "model" / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [0, 1, 2]
    assert {"loss", "valid_loss", "valid_word", "valid_cls_patch", "nearness_text"} <= lines[0].keys()
    assert {row.side for row in made.manifest.masked_accuracy} == {"text", "image"}
    assert made.manifest.model_extra == made.manifest.masked_accuracy[0].model_extra == {}


def test_extract_with_the_model_gives_the_vectors_that_pretraining_wrote(made, catalog, encoders, tmp_path):
    encoder = encoder_of(made.folder, encoders)
    features = extract(catalog, [encoder], tmp_path / "f", ExtractOptions(batch_size=7))
    for at in (0, 1):
        np.testing.assert_allclose(
            features.vectors("unified")[at], made.features.vectors("unified")[at], atol=1e-5
        )
    assert verify_sample(features, catalog, [encoder], sample=120) == []
    assert verify_sample(made.features, catalog, [encoder], sample=120) == []


@pytest.mark.parametrize(("mask", "left"), [("image", "text"), ("text", "image")])
def test_a_masked_modality_plays_no_part_and_an_item_with_nothing_else_has_no_vector(
    made, catalog, encoders, tmp_path, mask, left
):
    masked = extract(catalog, [encoder_of(made.folder, encoders, mask)], tmp_path / "m", ExtractOptions())
    vectors, present = masked.vectors("unified")
    whole, _ = made.features.vectors("unified")
    has = {
        "image": np.array([n % 7 != 6 for n in range(120)]),
        "text": np.array([n % 13 != 12 for n in range(120)]),
    }
    np.testing.assert_array_equal(present, has[left])
    unpaired = has[left] & ~has[mask]
    np.testing.assert_allclose(vectors[unpaired], whole[unpaired], atol=1e-5)
    assert np.abs(vectors - whole)[has["image"] & has["text"]].max(axis=1).min() > 1e-3
    assert masked.spaces["unified"].preprocessing["mask"] == mask
    assert masked.manifest.mask == mask


def test_without_a_cache_the_result_is_the_same(catalog, encoders, options, tmp_path):
    # the validation loss chooses: ranks may tie, and patches are cached in float16
    options = by_the_paper(options)
    made = pretrain(catalog, encoders, tmp_path / "cached", options, RUN)
    live = pretrain(catalog, encoders, tmp_path / "live", options, replace(RUN, cache=False))
    assert not (tmp_path / "live" / "tokens").exists()
    np.testing.assert_allclose(
        live.features.vectors("unified")[0], made.features.vectors("unified")[0], atol=1e-4
    )


def test_running_it_again_does_nothing_and_other_options_are_refused_by_name(
    made, catalog, encoders, options
):
    before = (made.folder / "model" / "model.safetensors").stat().st_mtime_ns
    again = pretrain(catalog, encoders, made.folder, options, RUN)
    assert (made.folder / "model" / "model.safetensors").stat().st_mtime_ns == before
    assert again.features.manifest.shards == made.features.manifest.shards
    other = options.replaced(training=options.training.replaced(seed=5))
    with pytest.raises(StaleOutput, match=r"options\.training\.seed"):
        pretrain(catalog, encoders, made.folder, other, RUN)


def test_another_encoder_another_version_or_a_damaged_model_are_told_apart(made, encoders, tmp_path):
    bundle = load_saved_model(made.folder)
    bundle.check(Patches().spec, "image")
    other = replace(Words(weight_hash="5" * 64).spec, tokenizer="6" * 64)
    with pytest.raises(
        InputError, match=r"text encoder small:words is not the one.*tokenizer, weight_hash differ"
    ):
        bundle.check(other, "text")
    shutil.copytree(made.folder / "model", tmp_path / "model")
    (tmp_path / "model" / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match="damaged"):
        load_saved_model(tmp_path)
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    (tmp_path / "model" / "config.json").write_text(json.dumps(config | {"format_version": 99}))
    with pytest.raises(InputError, match="ica format 99; this version reads ica format 2"):
        load_saved_model(tmp_path)
    (tmp_path / "model" / "manifest.json").unlink()
    with pytest.raises(InputError, match=r"holds no manifest\.json"):
        load_saved_model(tmp_path)


def test_the_copurchase_term_needs_interactions_that_pair_items(catalog, encoders, options, tmp_path):
    asked = options.replaced(objective=options.objective.replaced(copurchase=0.5))
    with pytest.raises(InputError, match="--interactions"):
        pretrain(catalog, encoders, tmp_path / "a", asked, RUN)
    bought = tmp_path / "bought.csv"
    bought.write_text(
        "user_id,item_id,split\n" + "".join(f"u{n},x{n},train\nu{n},x{n + 1},train\n" for n in range(5))
    )
    with pytest.raises(InputError, match="pairs no two of the 96 train items"):
        pretrain(catalog, encoders, tmp_path / "b", asked, replace(RUN, interactions=bought))
    rows = [f"u{n // 3},i{n},{'valid' if n % 3 == 2 else 'train'}\n" for n in range(120)]
    bought.write_text("user_id,item_id,split\n" + "".join(rows))
    found = pretrain(catalog, encoders, tmp_path / "c", asked, replace(RUN, interactions=bought))
    assert found.manifest.config["options"]["objective"]["copurchase"] == 0.5
    assert found.features.spaces["unified"].preprocessing["terms"] == {
        "copurchase": 0.5,
        "epoch": "valid_recall@20",
    }


def test_held_out_items_are_nobodys_partners(store, options, tmp_path):
    bought = tmp_path / "bought.csv"
    bought.write_text("user_id,item_id,split\n" + "".join(f"u{n // 6},i{n},train\n" for n in range(120)))
    asked = options.replaced(objective=options.objective.replaced(copurchase=0.5))
    train = [n for n in range(120) if n % 5]
    extra = _contrastive(store, train, asked, replace(RUN, interactions=bought))
    assert set(extra.partners) == set(train)
    for row, others in extra.partners.items():
        assert sorted(others) == [n for n in train if n // 6 == row // 6 and n != row]


def test_a_run_killed_between_training_and_its_manifest_trains_no_step_again(
    catalog, encoders, options, tmp_path, monkeypatch
):
    finish = Stage.finish

    def killed(stage, manifest):
        if stage.folder.name == "model":
            raise KeyboardInterrupt
        finish(stage, manifest)

    monkeypatch.setattr(Stage, "finish", killed)
    with pytest.raises(KeyboardInterrupt):
        pretrain(catalog, encoders, tmp_path, options, RUN)
    monkeypatch.undo()
    weights = (tmp_path / "model" / "model.safetensors").read_bytes()
    steps = []
    run = replace(RUN, report=lambda progress: steps.append(progress.stage))
    made = pretrain(catalog, encoders, tmp_path, options, run)
    assert not [stage for stage in steps if stage.startswith("epoch")]
    assert (tmp_path / "model" / "model.safetensors").read_bytes() == weights
    (tmp_path / "model" / "checkpoint.pt").write_bytes(b"left by a kill after the manifest")
    assert pretrain(catalog, encoders, tmp_path, options, RUN).manifest == made.manifest
    assert not (tmp_path / "model" / "checkpoint.pt").exists()


def test_a_tokenizer_without_a_mask_is_refused(catalog, encoders, options, tmp_path):
    words = Words()
    words.spec = replace(words.spec, mask_id=None)
    with pytest.raises(InputError, match="no mask token"):
        pretrain(catalog, TokenEncoders(Patches(), words), tmp_path / "x", options, RUN)


def start(catalog, out):
    command = [sys.executable, "-m", "tests.ica.one_run", str(catalog.folder), str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


@pytest.mark.slow
def test_killed_at_random_moments_it_ends_with_the_same_weights_and_features(catalog, tmp_path):
    with start(catalog, tmp_path / "whole") as whole:
        reports = len(list(whole.stdout))
    assert whole.returncode == 0
    draw, killed = random.Random(0), 0
    for _ in range(10):
        with start(catalog, tmp_path / "k") as child:
            for _ in itertools.islice(child.stdout, draw.randint(1, reports // 10)):
                pass
            time.sleep(draw.uniform(0, 0.05))
            child.kill()
        killed += child.returncode == -signal.SIGKILL
    with start(catalog, tmp_path / "k") as last:
        assert len(list(last.stdout)) > 0
    assert last.returncode == 0
    assert killed == 10
    weights = [(tmp_path / name / "model" / "model.safetensors").read_bytes() for name in ("whole", "k")]
    assert weights[0] == weights[1]
    shards = [FeatureSet.open(tmp_path / name / "features").manifest.shards for name in ("whole", "k")]
    assert shards[0] == shards[1]
    assert torch.isfinite(
        torch.from_numpy(FeatureSet.open(tmp_path / "k" / "features").vectors("unified")[0])
    ).all()
