import json
import os
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parent.parent.parent


@contextmanager
def process(*arguments, **environment):
    """Run a module of the tests that answers lines; it ends when its stdin closes."""
    running = subprocess.Popen(
        [sys.executable, "-m", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, **environment},
    )  # fmt: skip
    try:
        yield running
    finally:
        running.stdin.close()
        running.stdout.close()
        running.wait(30)


class Hub:
    """The double, from the outside."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"

    def tell(self, path, value=None):
        request = urllib.request.Request(self.url + path, data=json.dumps(value).encode(), method="POST")
        with urllib.request.urlopen(request) as answer:
            return SimpleNamespace(**json.load(answer))

    def state(self):
        """Return the log and the repositories; `.gitattributes` apart, which the Hub itself writes."""
        told = self.tell("/__log__")
        for repo in told.repos.values():
            repo["attributes"] = {
                branch: files.pop(".gitattributes", None) for branch, files in repo["files"].items()
            }
        return told

    def fail(self, *faults):
        self.tell("/__faults__", list(faults))

    def repo(self, name="datasets/org/set"):
        return SimpleNamespace(**self.state().repos[name])

    def count(self, method, start):
        return sum(1 for one, path, *_ in self.state().log if one == method and path.startswith(start))


@pytest.fixture(scope="session")
def running_hub():
    with process("tests.release.hub_double") as double:
        yield Hub(int(double.stdout.readline()))


@pytest.fixture
def hub(running_hub):
    running_hub.tell("/__reset__")
    return running_hub


def environment(url, home, token):
    return {
        "HF_ENDPOINT": url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(home), "HF_TOKEN": token, "HF_HUB_OFFLINE": "0",
        "OMP_NUM_THREADS": "1", "COLUMNS": "200",
    }  # fmt: skip


def ask(client, token, arguments):
    client.stdin.write(json.dumps([token, *map(str, arguments)]) + "\n")
    client.stdin.flush()
    return SimpleNamespace(**json.loads(client.stdout.readline()))


@pytest.fixture(scope="session")
def writer(running_hub, tmp_path_factory):
    """Run the program, as somebody who may write or under another token; each call is a command line."""
    home = tmp_path_factory.mktemp("home")
    with process("tests.release.client", **environment(running_hub.url, home, "")) as client:
        yield lambda *arguments, token="hf_writer": ask(client, token, arguments)


@pytest.fixture
def alone(running_hub, tmp_path):
    """Run the program once, from its start, under a token of choice."""

    def call(*arguments, token="hf_writer", code=None, **more):
        command = ["-c", code] if code else ["-m", "featurizer"]
        return subprocess.run(
            [sys.executable, *command, *map(str, arguments)], capture_output=True, text=True, timeout=120,
            env={**os.environ, **environment(running_hub.url, tmp_path / "home", token), **more}, cwd=tmp_path,
        )  # fmt: skip

    return call


@pytest.fixture
def killable(running_hub, tmp_path):
    """Start the program and return its process, to be killed."""

    def start(*arguments, stderr=subprocess.DEVNULL):
        own = {**os.environ, **environment(running_hub.url, tmp_path / "home", "hf_writer")}
        command = [sys.executable, "-m", "featurizer", *map(str, arguments)]
        return subprocess.Popen(command, cwd=tmp_path, env=own, stdout=subprocess.DEVNULL, stderr=stderr)

    return start
