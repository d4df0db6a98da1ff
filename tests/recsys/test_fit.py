from __future__ import annotations

import dataclasses

import pytest
import torch
from toy import SMALL, options_of, toy_data

from featurizer.errors import FeaturizerError, InputError
from featurizer.recsys.build import build
from featurizer.recsys.fit import fit
from featurizer.recsys.options import MODEL_NAMES, TrainOptions
from featurizer.training.checkpoint import CheckpointFile
from featurizer.training.hooks import Hooks

QUICK = TrainOptions(epochs=60, batch_size=64, learning_rate=0.03, patience=60, checkpoint_every=5)


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_every_model_learns_the_groups_of_a_toy_world(name):
    data = toy_data()
    model = build(data, options_of(name), batch_size=64, seed=0, device="cpu")
    fitted = fit(model, data, QUICK)
    losses = [float(record["loss"]) for record in fitted.epochs]
    assert losses[-1] < 0.6 * losses[0]
    # 10 items of 30 share the user's group and 4 of them are masked, so chance finds a third of them
    assert max(record["valid_recall@10"] for record in fitted.epochs) > 0.8


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_the_same_seed_gives_the_same_result_and_another_does_not(name):
    data = toy_data()
    options = dataclasses.replace(QUICK, epochs=3)
    first, again, other = (
        fit(
            build(data, options_of(name), batch_size=64, seed=seed, device="cpu"),
            data,
            dataclasses.replace(options, seed=seed),
        )
        for seed in (3, 3, 4)
    )
    assert torch.equal(first.embeddings.items, again.embeddings.items)
    assert first.test == again.test
    assert not torch.equal(first.embeddings.items, other.embeddings.items)


def test_a_killed_run_resumes_to_the_same_result(tmp_path):
    data = toy_data()
    options = dataclasses.replace(QUICK, epochs=12)
    straight = fit(build(data, SMALL, batch_size=64, seed=0, device="cpu"), data, options)

    class Killed(BaseException):
        pass

    def kill(record) -> None:
        if record["epoch"] == 8:
            raise Killed

    checkpoint = CheckpointFile(tmp_path / "checkpoint.pt", "a run")
    with pytest.raises(Killed):
        fit(
            build(data, SMALL, batch_size=64, seed=0, device="cpu"),
            data,
            options,
            Hooks(on_epoch=kill, checkpoint=checkpoint),
        )
    seen = []
    resumed = fit(
        build(data, SMALL, batch_size=64, seed=0, device="cpu"),
        data,
        options,
        Hooks(on_epoch=seen.append, checkpoint=checkpoint),
    )
    assert [record["epoch"] for record in seen] == list(range(1, 13))
    assert torch.equal(straight.embeddings.items, resumed.embeddings.items)
    assert straight.test == resumed.test
    assert straight.best_epoch == resumed.best_epoch


def test_progress_tells_the_loss_with_its_parts_and_validation():
    data, found = toy_data(), []
    options = dataclasses.replace(QUICK, epochs=3, evaluate_every=2)
    model = build(data, options_of("bpr"), batch_size=64, seed=0, device="cpu")
    fitted = fit(model, data, options, Hooks(report=found.append))
    first, second = fitted.epochs[:2]
    loss = f"loss {first['loss']:.4g} (bpr {first['loss_bpr']:.3g}, l2 {first['loss_l2']:.3g}"
    assert found[0].note.startswith(loss)
    assert "valid" not in found[0].note
    assert f"valid recall@20 {second['valid_recall@20']:.4f}, best " in found[1].note
    assert [(one.done, one.total, one.unit) for one in found] == [(n, 3, "epochs") for n in (1, 2, 3)]


def test_a_checkpoint_is_also_left_when_the_last_is_old(tmp_path):
    data, found = toy_data(), []
    checkpoint = CheckpointFile(tmp_path / "checkpoint.pt", "a run")
    hours = iter(range(0, 10**9, 3600))
    hooks = Hooks(
        on_epoch=lambda _: found.append(checkpoint.path.exists()),
        checkpoint=checkpoint,
        clock=lambda: float(next(hours)),
    )
    options = dataclasses.replace(QUICK, epochs=3, checkpoint_every=100)
    fit(build(data, SMALL, batch_size=64, seed=0, device="cpu"), data, options, hooks)
    assert found == [False, True, True]


def test_a_checkpoint_of_another_run_is_not_gone_on_from(tmp_path):
    data, options = toy_data(), dataclasses.replace(QUICK, epochs=1)
    first, second = (CheckpointFile(tmp_path / "checkpoint.pt", run) for run in ("one", "other"))
    fit(build(data, SMALL, batch_size=64, seed=0, device="cpu"), data, options, Hooks(checkpoint=first))
    with pytest.raises(InputError, match="another run"):
        fit(build(data, SMALL, batch_size=64, seed=0, device="cpu"), data, options, Hooks(checkpoint=second))


def test_training_stops_when_validation_no_longer_improves_and_keeps_the_best():
    data = toy_data()
    options = dataclasses.replace(QUICK, epochs=500, patience=5, evaluate_every=2)
    fitted = fit(build(data, SMALL, batch_size=64, seed=0, device="cpu"), data, options)
    evaluated = [record for record in fitted.epochs if "valid_recall@20" in record]
    assert [record["epoch"] for record in evaluated] == [2 * (i + 1) for i in range(len(evaluated))]
    best = max(record["valid_recall@20"] for record in evaluated)
    first = next(place for place, record in enumerate(evaluated) if record["valid_recall@20"] == best)
    assert len(evaluated) == first + 1 + 5
    assert fitted.best_epoch == evaluated[first]["epoch"]
    assert fitted.valid["recall@20"] == best


def test_a_loss_that_is_not_finite_is_an_error():
    data = toy_data()
    model = build(data, options_of("bpr"), batch_size=64, seed=0, device="cpu")
    with torch.no_grad():
        model.named_parameters()["ids"].fill_(float("inf"))
    with pytest.raises(FeaturizerError, match="lower the learning rate"):
        fit(model, data, QUICK)
