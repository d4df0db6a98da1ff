import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.browser import browser  # noqa: F401 - a fixture

settings.register_profile("patient", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("patient")  # how fast a machine is, no test is about
os.environ.setdefault("OMP_NUM_THREADS", "1")  # two processes of tests on two cores: torch on one thread each
os.environ.setdefault(
    "OMP_WAIT_POLICY", "passive"
)  # and programs that take a thread a core do not spin for each other


def pytest_collection_modifyitems(items):
    """Begin with what takes longest, so that two processes end together."""
    items.sort(key=lambda item: item.path.name not in ("test_docs.py", "test_cli.py"))


@pytest.fixture(autouse=True, scope="session")
def one_core():
    """What takes a thread a core takes one: small models are slower on many threads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
        yield


@pytest.fixture(autouse=True)
def signals_as_they_were():
    """The program takes the signals of its process for itself; called in a test, that is every later test's process."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data; a test that needs it is skipped where it is absent."""
    return _shared("data")


@pytest.fixture(scope="session")
def shared_cases() -> Path:
    """The folder of small inputs that are hard to get right; a test that needs it is skipped where it is absent."""
    return _shared("cases")


def _shared(name: str) -> Path:
    found = os.environ.get("FEATURIZER_SHARED") or Path(__file__).parent.parent.parent / "shared"
    folder = Path(found) / name
    if not folder.is_dir():
        pytest.skip(f"nothing at {folder}; set FEATURIZER_SHARED to the folder that holds {name}/")
    return folder


@pytest.fixture(scope="session")
def whole_store():
    """An object store for all tests of this process, each of which takes a bucket of its own."""
    from tests.servers.object_store import object_store

    with object_store() as store:
        yield store


@pytest.fixture
def store(whole_store):
    """The store, without the faults and the counts of earlier tests."""
    whole_store.faults.clear()
    whole_store.asked.clear()
    return whole_store


@pytest.fixture(params=["s3", "memory", "shelf"])
def bucket(request, tmp_path):
    """The address of an empty place in a store of each kind."""
    if request.param == "s3":
        return request.getfixturevalue("store").bucket()
    from tests.support.stores import shelf

    return f"memory://{tmp_path.name}" if request.param == "memory" else shelf(tmp_path)
