import numpy as np
import pytest
import torch

from featurizer.ica.fills import (
    NEIGHBORS,
    RESTART,
    RIDGES,
    ROUNDS,
    Fill,
    choose_fill,
    fit_fills,
    found,
    nearness,
    neighbor_weights,
    own_ranks,
)
from featurizer.ica.model import IcaModel, Shapes
from featurizer.ica.options import Architecture


def units(n, d, seed):
    rows = np.random.default_rng(seed).standard_normal((n, d))
    return torch.from_numpy((rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32))


def written_out_weights(queries, keys, *, itself=False):
    weights = np.zeros((len(queries), len(keys)))
    for row, query in enumerate(queries.double().numpy()):
        cosines = [
            0.0 if itself and row == at else max(float(query @ key), 0.0)
            for at, key in enumerate(keys.double().numpy())
        ]
        best = sorted(range(len(keys)), key=lambda at: -cosines[at])[:NEIGHBORS]
        for at in best:
            weights[row, at] = cosines[at] / sum(cosines[other] for other in best)
    return weights


def test_each_fill_equals_the_dense_written_out_one():
    known, missing, queries = units(40, 5, 0), units(40, 4, 1), units(7, 5, 2)
    fills = fit_fills(known, missing)
    p, q = written_out_weights(known, known, itself=True), written_out_weights(queries, known)
    v = missing.double().numpy()
    series = RESTART * sum(
        (1 - RESTART) ** power * np.linalg.matrix_power(p, power) @ v for power in range(ROUNDS)
    )
    series += (1 - RESTART) ** ROUNDS * np.linalg.matrix_power(p, ROUNDS) @ v
    expected = {
        "zero": np.zeros((7, 4)),
        "neighbors": q @ v,
        "hops": q @ p @ v,
        "pagerank": q @ series,
    }
    x = known.double().numpy()
    for strength in RIDGES:
        penalty = strength * np.trace(x.T @ x) / 5
        w = np.linalg.inv(x.T @ x + penalty * np.eye(5)) @ x.T @ v
        expected[f"ridge {strength:g}"] = queries.double().numpy() @ w
    assert fills.keys() == expected.keys()
    for name, fill in fills.items():
        np.testing.assert_allclose(fill(queries).numpy(), expected[name], atol=1e-5, err_msg=name)


def test_pagerank_is_the_limit_of_its_series():
    known, missing = units(30, 5, 0), units(30, 4, 1)
    p = written_out_weights(known, known, itself=True)
    limit = RESTART * np.linalg.inv(np.eye(30) - (1 - RESTART) * p) @ missing.double().numpy()
    spread = fit_fills(known, missing)["pagerank"].values.numpy()
    assert np.abs(spread - limit).max() < 2 * (1 - RESTART) ** ROUNDS


def test_nothing_known_is_no_neighbor_and_gives_no_guess():
    known, missing = units(20, 5, 0), units(20, 4, 1)
    nothing = torch.zeros(2, 5)
    assert not neighbor_weights(nothing, known).any()
    for name, fill in fit_fills(known, missing).items():
        assert not fill(nothing).any(), name


def test_the_own_row_is_ranked_by_cosine_and_a_tie_counts_against_it():
    true = torch.eye(3)
    guesses = torch.tensor([[5.0, 1.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    assert own_ranks(guesses, true).tolist() == [0, 1, 2]
    assert nearness(guesses, true) == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    many = torch.eye(40)
    assert found(torch.zeros(40, 40), many) == 0.0
    assert found(many, many) == 1.0


def test_a_linear_relation_is_filled_by_ridge_and_none_by_zero():
    known = units(300, 6, 0)
    name, fill, near = choose_fill(known, known @ units(6, 6, 1), 0)
    assert name.startswith("ridge")
    assert fill.kind == "ridge"
    assert near[name] == max(near.values())
    assert choose_fill(known[:5], units(5, 3, 2), 0)[0] == "zero"


def test_where_one_modality_says_nothing_of_the_other_a_guess_is_short():
    known = units(300, 6, 0)
    _, fill, _ = choose_fill(known, units(300, 50, 2), 0)
    assert float(fill(known).norm(dim=1).mean()) < 0.05


@pytest.mark.parametrize("noise", [0.3, 1.0, 3.0])
def test_a_guess_is_as_long_as_it_is_right_on_items_that_it_was_not_fitted_on(noise):
    every = units(1200, 20, 0)
    told = every @ units(20, 20, 1) + noise * units(1200, 20, 2)
    missing = torch.nn.functional.normalize(told, dim=1)
    name, fill, _ = choose_fill(every[:600], missing[:600], 0)
    guess, true = fill(every[600:]), missing[600:]
    best = float((guess * true).sum() / guess.square().sum())
    assert best == pytest.approx(1.0, abs=0.15), name
    fitted = fit_fills(every[:600], missing[:600])[name]
    torch.testing.assert_close(
        torch.nn.functional.normalize(fitted(every[600:]), dim=1), torch.nn.functional.normalize(guess, dim=1)
    )


def test_clusters_without_a_linear_relation_are_filled_by_neighbors():
    generator = np.random.default_rng(0)
    centers, answers = units(60, 4, 0), units(60, 30, 1)
    of = torch.from_numpy(np.repeat(np.arange(60), 8))
    near = centers[of] + 0.02 * torch.from_numpy(generator.standard_normal((480, 4)).astype(np.float32))
    known = torch.nn.functional.normalize(near, dim=1)
    name, _, _ = choose_fill(known, answers[of], 0)
    assert name in ("neighbors", "hops", "pagerank")


def test_a_stored_fill_is_read_into_one_of_its_shape():
    known, missing = units(30, 5, 0), units(30, 4, 1)
    for fill in fit_fills(known, missing).values():
        again = Fill.shaped(fill.kind, 5, 4, len(fill.keys))
        again.load_state_dict(fill.state_dict())
        assert torch.equal(again(known), fill(known))


def test_a_missing_part_is_filled_and_a_known_one_is_not_touched():
    shapes = Shapes(patches=4, image_dim=3, pooled_image_dim=5, tokens=6, text_dim=3, pooled_text_dim=4)
    model = IcaModel(shapes, Architecture(width=8, layers=1, heads=2, fused_layers=1), "cls", "latent")
    image, text = units(12, 5, 0), units(12, 4, 1)
    start = model.start
    start.fill_image, start.fill_text = (
        fit_fills(text, image)["neighbors"],
        fit_fills(image, text)["ridge 0.1"],
    )
    joined = torch.cat([image, text], dim=1)
    assert torch.equal(start.filled(joined), joined)
    no_image, no_text = joined.clone(), joined.clone()
    no_image[:, :5], no_text[:, 5:] = 0, 0
    torch.testing.assert_close(start.filled(no_image), torch.cat([start.fill_image(text), text], dim=1))
    torch.testing.assert_close(start.filled(no_text), torch.cat([image, start.fill_text(image)], dim=1))
    assert not start.filled(torch.zeros(2, 9)).any()


def test_the_gates_of_the_residual_are_those_of_what_is_seen_whole_and_of_what_is_not():
    shapes = Shapes(patches=4, image_dim=3, pooled_image_dim=5, tokens=6, text_dim=3, pooled_text_dim=4)
    model = IcaModel(shapes, Architecture(width=8, layers=1, heads=2, fused_layers=1), "cls", "latent")
    residual, read = model.residual, torch.randn(4, 8)
    whole = torch.tensor([[True, True], [True, False], [False, True], [False, False]])
    assert not residual(read, whole).any(), "it begins at zero"
    with torch.no_grad():
        residual.out.weight.normal_()
        residual.gate.copy_(torch.tensor([0.5, 0.25]))
        plain = residual.out(residual.body(read))
        found = residual(read, whole)
    for row in range(4):
        for part, columns in enumerate((slice(0, 5), slice(5, 9))):
            gate = 0.25 if whole[row, part] else 0.5
            torch.testing.assert_close(found[row, columns], gate * plain[row, columns])


def test_neighbors_are_found_among_drawn_items_wherever_these_stand():
    """The end of a catalog is as well known as its beginning: its items are keys too."""
    draw = torch.Generator().manual_seed(0)
    known = torch.nn.functional.normalize(torch.randn(40, 6, generator=draw), dim=1)
    keys = fit_fills(known, known, kept=20)["neighbors"].keys
    places = [(known == key).all(1).nonzero().item() for key in keys]
    assert places == sorted(places)
    assert len(places) == 20
    assert min(places) < 20 <= max(places)
    assert len(fit_fills(known, known)["neighbors"].keys) == 40
