import os

import pytest
import torch

from featurizer.encoders.device import computing_threads, cpu_threads, recorded_threads, resolve_device
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


def test_without_a_number_there_is_a_thread_a_core_that_this_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 4, 5, 7}, raising=False)
    assert cpu_threads(None) == 4
    assert cpu_threads(9) == 9
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert cpu_threads(None) == 6


@pytest.mark.parametrize(("processes", "expected"), [("1", 4), ("3", 1), ("9", 1)])
def test_processes_of_one_machine_share_its_cores(monkeypatch, processes, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)), raising=False)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", processes)
    assert cpu_threads(None) == expected


def test_no_threads_are_refused():
    with pytest.raises(InputError, match="0 threads; expected at least 1"):
        recorded_threads(0, "cuda:0")


def test_threads_tell_results_apart_on_the_cpu_alone():
    assert recorded_threads(3, "cpu") == 3
    assert recorded_threads(3, "cuda:0") is None


def test_torch_takes_the_threads_for_a_block_and_then_as_many_as_before_however_it_ends():
    before, during = torch.get_num_threads(), []

    def stopped():
        with computing_threads(before + 2):
            during.append(torch.get_num_threads())
            raise InputError("stop")

    with pytest.raises(InputError, match="stop"):
        stopped()
    assert during == [before + 2]
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    ("threads", "device", "expected"), [(None, "cuda:0", 1), (3, "cuda:0", 3), (3, "cpu", 3)]
)
def test_beside_a_gpu_one_thread_computes_unless_more_are_asked_for(threads, device, expected):
    with computing_threads(threads, device):
        assert torch.get_num_threads() == expected
