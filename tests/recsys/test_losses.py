from __future__ import annotations

import math

import pytest
import torch

from featurizer.recsys.losses.bpr import bpr_loss
from featurizer.recsys.losses.cca import cca_loss
from featurizer.recsys.losses.l2 import l2_loss
from featurizer.recsys.losses.reg import reg_loss
from featurizer.recsys.losses.uia import uia_loss
from featurizer.recsys.models.alignrec import AlignRecOptions

TARGET, WIDE = (
    torch.nn.functional.normalize(
        torch.randn(9, width, generator=torch.Generator().manual_seed(5), dtype=torch.float64), dim=1
    )
    for width in (7, 12)
)


def rows(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_()


def cosine(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a @ b / (a.norm() * b.norm())).detach())


def test_bpr_equals_the_written_out_mean():
    u, i, j = rows(5, 4), rows(5, 4, seed=1), rows(5, 4, seed=2)
    written = [-math.log(1 / (1 + math.exp(-float((u[r] @ i[r] - u[r] @ j[r]).detach())))) for r in range(5)]
    assert float(bpr_loss(u, i, j).detach()) == pytest.approx(sum(written) / 5, rel=1e-12)


def test_l2_equals_the_written_out_sum_over_the_nominal_batch():
    u, i = rows(3, 4), rows(3, 4, seed=1)
    written = 0.5 * sum(x**2 for x in torch.cat([u, i]).detach().flatten().tolist()) / 2048
    assert float(l2_loss(u, i, batch_size=2048).detach()) == pytest.approx(written, rel=1e-12)


def test_uia_equals_the_written_out_mean():
    u, i = rows(6, 4), rows(6, 4, seed=1)
    written = sum(1 - cosine(u[r], i[r]) for r in range(6)) / 6
    assert float(uia_loss(u, i).detach()) == pytest.approx(written, rel=1e-12)


@pytest.mark.parametrize("size", [1, 7, 300])
def test_cca_equals_the_written_out_infonce(size):
    content, ids = rows(size, 4), rows(size, 4, seed=1)
    cosines = torch.nn.functional.cosine_similarity(content[:, None], ids[None], dim=2).detach()
    total = 0.0
    for i in range(size):
        odds = cosines[i].div(0.2).exp().tolist()
        total -= math.log(odds[i] / sum(odds))
    assert float(cca_loss(content, ids, 0.2).detach()) == pytest.approx(total / size, rel=1e-9, abs=1e-12)


def test_cca_in_groups_is_the_mean_over_all_rows_of_each_groups_own():
    content, ids = rows(20, 4), rows(20, 4, seed=1)
    sizes = (7, 7, 6)
    apart = [
        cca_loss(m, e, 0.2) * len(m) / 20
        for m, e in zip(content.detach().split(sizes), ids.detach().split(sizes), strict=True)
    ]
    found = cca_loss(content, ids, 0.2, groups=3)
    assert float(found.detach()) == pytest.approx(float(sum(apart)), rel=1e-12)


def test_cca_is_finite_at_the_lowest_temperature_that_the_options_allow():
    same = torch.ones(2048, 4, requires_grad=True)
    loss = cca_loss(same, same, AlignRecOptions(temperature=0.02).temperature)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(math.log(2048), rel=1e-5)
    assert torch.isfinite(same.grad).all()


def test_cca_of_an_empty_batch_is_zero():
    assert float(cca_loss(rows(0, 4), rows(0, 4), 0.2).detach()) == 0.0


@pytest.mark.parametrize("width", [1, 2, 3, 5, 6, 7, 10])
def test_reg_equals_the_written_out_frobenius_norm(width):
    content, features = rows(6, 4), rows(6, width, seed=1).detach()
    units = features / features.norm(dim=1, keepdim=True)
    total = 0.0
    for i in range(6):
        for j in range(6):
            total += (float((content[i] @ content[j]).detach()) - cosine(features[i], features[j])) ** 2
    assert float(reg_loss(content, units).detach()) == pytest.approx(math.sqrt(total) / 6, rel=1e-9)


def test_reg_in_single_precision_stays_near_the_written_out_norm_when_the_target_is_almost_met():
    generator = torch.Generator().manual_seed(0)
    units = torch.nn.functional.normalize(torch.randn(500, 16, generator=generator), dim=1)
    content = units + 0.01 * torch.randn(500, 16, generator=generator)
    written = (content.double() @ content.double().T - units.double() @ units.double().T).norm() / 500
    assert float(reg_loss(content, units)) == pytest.approx(float(written), rel=1e-3)


def test_reg_has_a_finite_gradient_where_the_target_is_met():
    units = torch.eye(4)
    content = torch.eye(4).requires_grad_()
    reg_loss(content, units).backward()
    assert torch.isfinite(content.grad).all()


@pytest.mark.parametrize(
    "loss",
    [
        lambda a, b: bpr_loss(a, b, b.roll(1, 0)),
        lambda a, b: l2_loss(a, b, batch_size=8),
        uia_loss,
        lambda a, b: cca_loss(a, b, 0.2),
        lambda a, b: cca_loss(a, b, 0.2, groups=4),
        lambda a, b: reg_loss(a, TARGET) + 0 * b.sum(),
        lambda a, b: reg_loss(a, WIDE) + 0 * b.sum(),
    ],
    ids=["bpr", "l2", "uia", "cca", "cca in groups", "reg", "reg, more columns than rows"],
)
def test_every_gradient_equals_the_finite_difference(loss):
    a, b = rows(9, 5), rows(9, 5, seed=3)
    assert torch.autograd.gradcheck(loss, (a, b), eps=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    "loss", [lambda a, b, counts: cca_loss(a, b, 0.2, counts), reg_loss], ids=["cca", "reg"]
)
def test_counted_rows_equal_the_batch_with_its_repetitions(loss):
    content, other, counts = rows(9, 7), TARGET.clone(), torch.tensor([1, 3, 1, 1, 2, 1, 4, 1, 1])
    again = content.detach().clone().requires_grad_()
    counted = loss(content, other, counts)
    repeated = loss(again.repeat_interleave(counts, dim=0), other.repeat_interleave(counts, dim=0), None)
    torch.testing.assert_close(counted, repeated)
    counted.backward()
    repeated.backward()
    torch.testing.assert_close(content.grad, again.grad)
