from __future__ import annotations

import pytest
import torch
from toy import small, toy_data

from featurizer.errors import FeaturizerError, InputError
from featurizer.recsys.fit import fit
from featurizer.recsys.options import TrainOptions
from featurizer.training.checkpoint import CheckpointFile
from featurizer.training.hooks import Hooks

QUICK = TrainOptions(epochs=60, batch_size=64, learning_rate=0.03, patience=60, checkpoint_every=5)


def test_a_killed_run_resumes_to_the_same_result(tmp_path):
    data = toy_data()
    options = QUICK.replaced(epochs=12)
    straight = fit(small().build(data), data, options)

    class Killed(BaseException):
        pass

    def kill(record) -> None:
        if record["epoch"] == 8:
            raise Killed

    checkpoint = CheckpointFile(tmp_path / "checkpoint.pt", "a run")
    with pytest.raises(Killed):
        fit(
            small().build(data),
            data,
            options,
            Hooks(on_epoch=kill, checkpoint=checkpoint),
        )
    seen = []
    resumed = fit(
        small().build(data),
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
    options = QUICK.replaced(epochs=3, evaluate_every=2)
    model = small("bpr").build(data)
    fitted = fit(model, data, options, Hooks(report=found.append))
    first, second = fitted.epochs[:2]
    loss = f"loss {first['loss']:.4g} (bpr {first['loss_bpr']:.3g}, l2 {first['loss_l2']:.3g}"
    assert found[0].note.startswith(loss)
    assert "valid" not in found[0].note
    assert f"valid recall@20 {second['valid_recall@20']:.4f}, best " in found[1].note
    assert [(one.done, one.total, one.unit) for one in found] == [(n, 3, "epochs") for n in (1, 2, 3)]


def test_progress_tells_when_training_will_stop_if_nothing_gets_better():
    data, found = toy_data(), []
    options = QUICK.replaced(epochs=500, patience=4, evaluate_every=3)
    fitted = fit(small().build(data), data, options, Hooks(report=found.append))
    best = None
    for one, record in zip(found, fitted.epochs, strict=True):
        recall = record.get("valid_recall@20")
        if recall is not None and (best is None or recall > best[1]):
            best = record["epoch"], recall
        assert one.likely == (best[0] if best else 3) + 4 * 3
    assert found[-1].done == found[-1].likely == len(fitted.epochs) < 500
    assert [one.likely for one in found[:2]] == [15, 15]


def test_progress_never_expects_more_epochs_than_there_are():
    data, found = toy_data(), []
    fit(small("bpr").build(data), data, QUICK.replaced(epochs=2), Hooks(report=found.append))
    assert [one.likely for one in found] == [2, 2]


def test_a_checkpoint_is_also_left_when_the_last_is_old(tmp_path):
    data, found = toy_data(), []
    checkpoint = CheckpointFile(tmp_path / "checkpoint.pt", "a run")
    hours = iter(range(0, 10**9, 3600))
    hooks = Hooks(
        on_epoch=lambda _: found.append(checkpoint.path.exists()),
        checkpoint=checkpoint,
        clock=lambda: float(next(hours)),
    )
    options = QUICK.replaced(epochs=3, checkpoint_every=100)
    fit(small().build(data), data, options, hooks)
    assert found == [False, True, True]


def test_a_checkpoint_of_another_run_is_not_gone_on_from(tmp_path):
    data, options = toy_data(), QUICK.replaced(epochs=1)
    first, second = (CheckpointFile(tmp_path / "checkpoint.pt", run) for run in ("one", "other"))
    fit(small().build(data), data, options, Hooks(checkpoint=first))
    with pytest.raises(InputError, match="another run"):
        fit(small().build(data), data, options, Hooks(checkpoint=second))


def test_training_stops_when_validation_no_longer_improves_and_keeps_the_best():
    data = toy_data()
    options = QUICK.replaced(epochs=500, patience=5, evaluate_every=2)
    fitted = fit(small().build(data), data, options)
    evaluated = [record for record in fitted.epochs if "valid_recall@20" in record]
    assert [record["epoch"] for record in evaluated] == [2 * (i + 1) for i in range(len(evaluated))]
    best = max(record["valid_recall@20"] for record in evaluated)
    first = next(place for place, record in enumerate(evaluated) if record["valid_recall@20"] == best)
    assert len(evaluated) == first + 1 + 5
    assert fitted.best_epoch == evaluated[first]["epoch"]
    assert fitted.valid["recall@20"] == best


def test_a_loss_that_is_not_finite_is_an_error():
    data = toy_data()
    model = small("bpr").build(data)
    with torch.no_grad():
        model.weights.get_parameter("ids").fill_(float("inf"))
    with pytest.raises(FeaturizerError, match="lower the learning rate"):
        fit(model, data, QUICK)
