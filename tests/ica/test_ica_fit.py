import json
import math
import os
import subprocess
import sys
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import pytest
import torch
from pydantic import ValidationError

from featurizer.errors import FeaturizerError, InputError
from featurizer.ica.batches import read_step, split_rows
from featurizer.ica.contrastive import contrastive_loss
from featurizer.ica.contrastive_terms import ContrastiveTerms, partners_of
from featurizer.ica.evaluate import masked_accuracy
from featurizer.ica.fit import _PretrainingRun, best_epoch, fit, merit
from featurizer.ica.initialize import build
from featurizer.ica.options import Objective, Training
from featurizer.ica.probe import probe, run_probe
from featurizer.ica.retrieval import joins_of
from featurizer.ica.setup import TrainingSetup
from featurizer.ica.text_states import encode_text
from featurizer.ica.token_store import TokenStore
from featurizer.training.checkpoint import CheckpointFile
from featurizer.training.distributed import DistributedContext
from featurizer.training.hooks import Hooks
from tests.ica.conftest import by_the_paper


def job(store, encoders, options, **changes):
    train, valid = split_rows(store.rows, options.training.valid_share, options.training.seed)
    model, heads = build(store, train, options)
    return TrainingSetup(model, heads, store, encoders.text, train, valid, options, **changes)


def checkpoint_in(folder, run="a run"):
    return CheckpointFile(folder / "checkpoint.pt", run)


def trained(options, **changes):
    return options.replaced(training=options.training.replaced(**changes))


def weights_of(made):
    return {**made.model.state_dict(), **{f"heads.{k}": v for k, v in made.heads.state_dict().items()}}


def test_items_are_split_once_and_completely():
    train, valid = split_rows(50, 0.2, 0)
    assert len(valid) == 10
    assert sorted(train + valid) == list(range(50))
    assert split_rows(50, 0.2, 0) == (train, valid)
    assert split_rows(50, 0.2, 1) != (train, valid)
    assert [len(part) for part in split_rows(2, 0.01, 0)] == [1, 1]
    with pytest.raises(InputError, match="1 items; expected at least 2"):
        split_rows(1, 0.5, 0)


def test_it_learns_that_the_picture_tells_the_word_and_the_word_the_picture(store, encoders, options):
    # every patch of these pictures has the one color: only where all are masked is the word needed
    options = options.replaced(masking=options.masking.replaced(image_ratio=0.99))
    made = job(store, encoders, trained(by_the_paper(options), epochs=15, learning_rate=1e-2))
    history = fit(made)
    assert history[-1]["valid_loss"] < 0.9 * history[0]["valid_loss"]
    found = {one.side: one for one in masked_accuracy(made, range(store.rows))}
    assert found["text"].gain.low > 0.05
    assert found["image"].gain.low > 0.05
    assert found["text"].present.mean > found["text"].majority


@pytest.mark.parametrize("method", ["latent", "alignrec"])
def test_no_epoch_leaves_the_start_and_says_so(store, encoders, options, method):
    options = trained(options, epochs=0)
    options = options.replaced(objective=options.objective.replaced(method=method))
    made, same = job(store, encoders, options), job(store, encoders, options)
    history = fit(made)
    assert [record["epoch"] for record in history] == [0]
    assert history[0]["loss"] is None
    assert best_epoch(history) == 0
    for name, value in weights_of(same).items():
        assert torch.equal(value, weights_of(made)[name]), name


def test_a_learning_rate_of_zero_changes_no_weight(store, encoders, options):
    made, same = (job(store, encoders, trained(options, learning_rate=0.0)) for _ in range(2))
    history = fit(made)
    assert len(history) == 3
    assert best_epoch(history) == 0
    for name, value in weights_of(same).items():
        assert torch.equal(value, weights_of(made)[name]), name


def test_training_that_destroys_is_not_used(store, encoders, options):
    made, same = (job(store, encoders, trained(options, epochs=4, learning_rate=5.0)) for _ in range(2))
    history = fit(made)
    assert max(record["merit"] for record in history[1:]) < history[0]["merit"]
    assert best_epoch(history) == 0
    for name, value in weights_of(same).items():
        assert torch.equal(value, weights_of(made)[name]), name


def test_an_epoch_that_loses_the_neighbors_of_whole_items_is_worth_less_than_any_other():
    use = {"nearness_image": 0.9, "nearness_text": 0.7, "overlap": 0.9}
    assert merit(1.0, use) == pytest.approx(0.8)
    assert merit(1.0, use | {"overlap": 0.89}) == -1.0
    assert merit(1.5, {}) == -1.5
    assert best_epoch([{"merit": 0.5}, {"merit": 0.5}, {"merit": 0.4}]) == 0
    assert best_epoch([{"merit": 0.5}, {"merit": 0.4}, {"merit": 0.6}]) == 2


def test_the_latent_objective_leaves_whole_items_as_they_are_and_completes_the_others(
    store, encoders, options
):
    made = job(store, encoders, trained(options, epochs=6, learning_rate=1e-2))
    start = job(store, encoders, options).model
    items = store.read(list(range(120)))
    items = items.rows(items.has_image & items.has_text)
    history = fit(made)
    assert best_epoch(history) > 0
    with torch.no_grad():
        for alone in (items.without(image=True), items.without(text=True)):
            before, after = (
                model.feature(model(alone, encode_text(encoders.text, alone, None)))
                for model in (start, made.model)
            )
            assert float((after - before).norm(dim=1).min()) > 1e-3
        states = made.model(items, encode_text(encoders.text, items, None))
        assert torch.equal(made.model.completed(states), states.start)
        whole = start(items, encode_text(encoders.text, items, None))
        assert torch.equal(made.model.feature(states), start.feature(whole))
    assert float(made.model.residual.gate[1].detach()) == 0.0


def test_a_term_on_whole_items_opens_their_gate(store, encoders, options):
    partners = {row: np.array([(row + 1) % 120]) for row in range(120)}
    terms = ContrastiveTerms(0.0, 1.0, 0.1, partners)
    made = job(store, encoders, trained(options, epochs=2), contrastive=terms)
    run = _PretrainingRun(made, Hooks())
    run.begin()
    for _ in range(2):
        run.epoch()
    assert float(made.model.residual.gate[1].detach().abs()) > 0


def test_the_same_seed_gives_the_same_weights(store, encoders, options):
    one, other = job(store, encoders, options), job(store, encoders, options)
    assert fit(one)[-1]["loss"] == fit(other)[-1]["loss"]
    for name, value in weights_of(one).items():
        assert torch.equal(value, weights_of(other)[name]), name


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_a_run_killed_in_an_epoch_ends_with_the_weights_of_one_that_was_not(
    store, encoders, options, tmp_path, ema
):
    options = trained(options, checkpoint_minutes=0.0, ema=ema)
    whole = job(store, encoders, options)
    expected = fit(whole)
    steps = 0

    def killing(progress):
        nonlocal steps
        steps += 1
        if steps == 9:
            raise KeyboardInterrupt

    killed = job(store, encoders, options)
    with pytest.raises(KeyboardInterrupt):
        fit(killed, Hooks(report=killing, checkpoint=checkpoint_in(tmp_path)))
    seen = []
    again = job(store, encoders, options)
    history = fit(again, Hooks(on_epoch=seen.append, checkpoint=checkpoint_in(tmp_path)))
    assert [record["epoch"] for record in seen] == [0, 1, 2]
    assert [record["loss"] for record in history] == [record["loss"] for record in expected]
    for name, value in weights_of(whole).items():
        assert torch.equal(value, weights_of(again)[name]), name


def test_a_checkpoint_of_another_run_is_refused(store, encoders, options, tmp_path):
    fit(job(store, encoders, trained(options, epochs=1)), Hooks(checkpoint=checkpoint_in(tmp_path)))
    with pytest.raises(InputError, match="another run"):
        fit(job(store, encoders, options), Hooks(checkpoint=checkpoint_in(tmp_path, "another")))


def test_accumulation_changes_no_gradient(store, encoders, options):
    runs = []
    for parts in (1, 4):
        made = job(store, encoders, trained(options, accumulate=parts, clip=1e9))
        run = _PretrainingRun(made, Hooks())
        run._learn(run._read(np.arange(96), 0, 0))
        runs.append({name: value.grad for name, value in made.model.named_parameters()})
    for name, gradient in runs[0].items():
        torch.testing.assert_close(gradient, runs[1][name], rtol=1e-4, atol=1e-6)


def test_a_batch_of_few_items_has_the_optional_terms_in_full(store, encoders, options):
    options, gradients = by_the_paper(options), []
    for size in (96, 500):
        terms = ContrastiveTerms(1.0, 0.0, 0.1, {})
        made = job(store, encoders, trained(options, batch_size=size, clip=1e9), contrastive=terms)
        run = _PretrainingRun(made, Hooks())
        run._learn(run._read(np.arange(96), 0, 0))
        gradients.append(made.model.start.project.weight.grad)
    torch.testing.assert_close(*gradients)


@dataclass(frozen=True)
class Promising:
    """A source whose outline promises a picture of every item, as a status does of one that cannot be decoded."""

    source: TokenStore

    def __getattr__(self, name):
        return getattr(self.source, name)

    def outline(self, rows):
        found = self.source.outline(rows)
        return replace(found, has_image=torch.ones_like(found.has_image))


def test_a_picture_that_was_promised_and_is_not_there_is_no_target(store, encoders, options):
    made = replace(job(store, encoders, options), source=Promising(store))
    part = read_step(made, range(120), [0], DistributedContext())
    lost = ~part.items.has_image
    assert lost.any()
    assert not part.masks.image[lost].any()
    assert not (part.masks.hide_image | part.masks.hide_text)[lost].any()
    assert part.masks.image[~lost].any()


def test_an_epoch_in_bfloat16_learns_what_one_in_float32_does_within_its_digits(store, encoders, options):
    made = [
        job(store, encoders, trained(options, epochs=1, precision=name)) for name in ("float32", "bfloat16")
    ]
    exact, short = (fit(one) for one in made)
    assert short[0]["valid_loss"] != exact[0]["valid_loss"]
    for one, other in zip(exact, short, strict=True):
        assert other["valid_loss"] == pytest.approx(one["valid_loss"], rel=0.02)
    assert all(value.dtype != torch.bfloat16 for value in weights_of(made[1]).values())


def test_recomputing_activations_changes_nothing_but_memory(store, encoders, options):
    one, other = job(store, encoders, options), job(store, encoders, trained(options, recompute=True))
    assert fit(one)[-1]["loss"] == pytest.approx(fit(other)[-1]["loss"], rel=1e-5)


def test_the_rate_rises_to_its_peak_and_falls_to_nothing(store, encoders, options):
    run = _PretrainingRun(job(store, encoders, trained(options, epochs=10, warmup=0.2)), Hooks())
    rates = []
    for step in range(10 * run.epoch_steps):
        run.step = step
        rates.append(run.learning_rate())
    peak = round(0.2 * len(rates))
    assert max(rates) == pytest.approx(rates[peak - 1]) == options.training.learning_rate
    assert np.all(np.diff(rates[:peak]) > 0)
    assert np.all(np.diff(rates[peak:]) < 0), rates
    assert rates[-1] < 0.01 * rates[peak]


def test_a_loss_that_is_no_number_stops_and_saves_the_batch(store, encoders, options, tmp_path):
    made = job(store, encoders, options)

    def breaking(record):
        with torch.no_grad():
            made.model.position_image[3] = math.nan

    with pytest.raises(FeaturizerError, match="not a number at step 1"):
        fit(made, Hooks(on_epoch=breaking, checkpoint=checkpoint_in(tmp_path)))
    saved = torch.load(tmp_path / "broken" / "batch-0.pt", weights_only=True)
    assert len(saved["rows"]) == 16
    assert saved["items.image"].shape == (16, 16, 6)


def test_a_gradient_that_is_no_number_stops_before_the_weights_are_touched(
    store, encoders, options, tmp_path
):
    made = job(store, encoders, options)
    before = made.model.position_image.detach().clone()
    made.model.position_image.register_hook(lambda gradient: gradient * math.inf)
    with pytest.raises(
        FeaturizerError, match=r"the gradient is not a number at step 1; the batch is saved in"
    ):
        fit(made, Hooks(checkpoint=checkpoint_in(tmp_path)))
    assert torch.equal(made.model.position_image, before)
    assert checkpoint_in(tmp_path).load().step == 0


def test_training_stops_when_the_validation_loss_rises(store, encoders, options):
    history = fit(
        job(store, encoders, trained(by_the_paper(options), epochs=40, patience=1, learning_rate=0.3))
    )
    losses = [record["valid_loss"] for record in history]
    assert len(losses) < 40
    assert losses.index(min(losses)) == len(losses) - 2


@pytest.mark.parametrize("term", ["contrastive", "copurchase"])
def test_an_optional_term_changes_what_is_learned(store, encoders, options, term):
    options = by_the_paper(options)
    objective = options.objective.replaced(**{term: 1.0})
    partners = {row: np.array([(row + 1) % 120, (row + 2) % 120]) for row in range(120)}
    terms = ContrastiveTerms(objective.contrastive, objective.copurchase, 0.1, partners)
    plain, other = job(store, encoders, options), job(store, encoders, options, contrastive=terms)
    fit(plain), fit(other)
    assert not torch.equal(
        weights_of(plain)["start.project.weight"], weights_of(other)["start.project.weight"]
    )
    part = _PretrainingRun(other, Hooks())._read(np.arange(96), 0, 0)
    loss = contrastive_loss(other, terms, part.rows, part.items, np.random.default_rng(0))
    assert torch.isfinite(loss)
    assert float(loss.detach()) > 0


def test_partners_are_what_the_same_users_bought_in_train():
    bought = [("u", "a"), ("u", "b"), ("v", "a"), ("v", "b"), ("v", "c"), ("w", "c")]
    frame = pl.DataFrame(
        {
            "user_id": [user for user, _ in bought] + ["w"],
            "item_id": [item for _, item in bought] + ["a"],
            "split": ["train"] * len(bought) + ["valid"],
        }
    )
    found = partners_of(frame, ["a", "x", "b", "c"])
    assert {row: others.tolist() for row, others in found.items()} == {0: [2, 3], 2: [0, 3], 3: [0, 2]}


def test_the_probe_finds_what_neighbors_give_away(built, store, encoders, options):
    torch.manual_seed(0)
    classes = torch.randint(0, 3, (300,))
    inputs = torch.nn.functional.one_hot(classes, 5).float() + 0.1 * torch.randn(300, 5)
    assert (probe(inputs[:200], classes[:200], inputs[200:]) == classes[200:]).float().mean() > 0.95
    made = TrainingSetup(*built, store, encoders.text, range(96), range(96, 120), options)
    leaks = {leak.tokens: leak for leak in run_probe(made)}
    assert set(leaks) == {"text, encoded under the mask", "text, encoded before it", "image"}
    # a picture of one color is known from any of its patches
    assert leaks["image"].accuracy > leaks["image"].majority


def test_two_processes_learn_as_one_with_the_doubled_batch(store, catalog, tmp_path):
    from tests.ica.two_processes import main

    one = main(catalog.folder, store.folder, tmp_path / "one.json", 16)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--rdzv-backend", "c10d",
        "--rdzv-endpoint", "127.0.0.1:0", "--local-addr", "127.0.0.1",
        "-m", "tests.ica.two_processes",
        str(catalog.folder), str(store.folder), str(tmp_path / "two.json"), "8",
    ]  # fmt: skip
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    two = json.loads((tmp_path / "two.json").read_text())
    assert len(one) == len(two) == 3
    for mine, theirs in zip(one, two, strict=True):
        for name in mine:
            if mine[name] is None:
                assert (name, theirs[name]) == ("loss", None)
            elif not name.startswith("seconds"):
                assert mine[name] == pytest.approx(theirs[name], rel=1e-4), name


def test_wrong_numbers_are_refused():
    for wrong in ({"epochs": -1}, {"valid_share": 1.0}, {"learning_rate": -0.1}):
        with pytest.raises(ValidationError, match=next(iter(wrong))):
            Training(**wrong)
    for wrong in ({"codes": 1}, {"tokens": -1.0}):
        with pytest.raises(ValidationError, match=next(iter(wrong))):
            Objective(**wrong)
    with pytest.raises(InputError, match="at least one above 0"):
        Objective(tokens=0.0, cls=0.0, pooled=0.0, latent=0.0)
    with pytest.raises(InputError, match="at least one above 0"):
        Objective(method="alignrec", tokens=0.0, cls=0.0, pooled=0.0)


def test_an_items_parts_are_told_from_those_of_other_train_items_and_never_from_its_own_twice(
    store, encoders, options, monkeypatch
):
    made = job(store, encoders, options)
    run = _PretrainingRun(made, Hooks())
    train = sorted(made.train)
    batch = train[3:9]
    others = [row for row in train if row not in batch]
    assert torch.equal(run._others(batch), joins_of(made, others))
    monkeypatch.setattr("featurizer.ica.fit.OTHERS", 20)
    few = _PretrainingRun(made, Hooks())
    assert len(few._others([])) == 20
    assert len(_PretrainingRun(job(store, encoders, by_the_paper(options)), Hooks())._others([])) == 0
