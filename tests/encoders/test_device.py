import pytest
import torch

from featurizer.encoders.device import resolve_device
from featurizer.errors import InputError


@pytest.fixture
def machine(monkeypatch):
    def build(*, cuda=0, mps=False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return build


@pytest.mark.parametrize(
    ("name", "cuda", "mps", "expected"),
    [
        ("auto", 0, False, "cpu"),
        ("auto", 0, True, "mps"),
        ("auto", 2, False, "cuda:0"),
        ("cpu", 2, False, "cpu"),
        ("cuda", 1, False, "cuda:0"),
        ("cuda:1", 2, False, "cuda:1"),
        ("mps", 0, True, "mps"),
    ],
)
def test_a_device_that_is_there_is_taken(machine, name, cuda, mps, expected):
    machine(cuda=cuda, mps=mps)
    assert resolve_device(name) == expected


@pytest.mark.parametrize(
    ("name", "cuda", "message"),
    [
        ("gpu", 1, "unknown device 'gpu'; expected auto, cpu, cuda"),
        ("cuda:x", 1, "unknown device 'cuda:x'"),
        ("cuda", 0, "finds no NVIDIA driver"),
        ("cuda:2", 2, "cuda:2 was asked for, but there are 2"),
        ("mps", 0, "macOS on Apple silicon"),
    ],
)
def test_a_device_that_is_not_there_is_refused(machine, name, cuda, message):
    machine(cuda=cuda)
    with pytest.raises(InputError, match=message):
        resolve_device(name)
