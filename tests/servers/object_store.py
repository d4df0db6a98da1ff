"""An object store on 127.0.0.1 that speaks S3 (moto's server), with faults in front of it.

store.fault("PUT", "*/data/*", "500", times=2)     # the next two such requests
store.fault("PUT", "*", ("kill", process))          # it is killed when that arrives, or, `kill after`, is stored
store.asked                                        # (method, path, bytes answered) of every request
"""

import fnmatch
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

import pytest

LOGIN = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
QUICK = '{"config_kwargs": {"read_timeout": 3, "connect_timeout": 3, "retries": {"max_attempts": 1}}}'
"""Of the driver: three seconds are long enough to wait, and one more try."""
ANSWERS = {
    "500": ("500 Internal Server Error", "InternalError"),
    "503": ("503 Slow Down", "SlowDown"),
    "403": ("403 Forbidden", "AccessDenied"),
}


@dataclass
class Fault:
    method: str
    path: str
    kind: str | tuple
    times: float


@dataclass
class ObjectStore:
    """The store: requests go through it to moto."""

    app: object
    faults: list[Fault] = field(default_factory=list)
    asked: list[tuple[str, str, int]] = field(default_factory=list)
    address: str = ""
    numbers: Iterator[int] = field(default_factory=count)

    def bucket(self):
        """Make a new bucket and return its address."""
        import fsspec

        name = f"shop-{next(self.numbers)}"
        fsspec.filesystem("s3").mkdir(name)
        return f"s3://{name}"

    def fault(self, method, path, kind, times=float("inf")):
        """Let so many requests of a method and a path, as a shell would match it, end badly."""
        self.faults.append(Fault(method, path, kind, times))

    def __call__(self, environ, start_response):
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        kind = self._fault(method, path)
        if isinstance(kind, tuple) and kind[0] == "kill":
            self._kill(kind[1])
            kind = "500"
        if kind == "slow":
            time.sleep(4)
        if kind in ANSWERS:
            status, code = ANSWERS[kind]
            self.asked.append((method, path, 0))
            body = f"<Error><Code>{code}</Code><Message>as the test wants it</Message></Error>".encode()
            start_response(status, [("Content-Length", str(len(body))), ("Content-Type", "application/xml")])
            return [b"" if method == "HEAD" else body]
        answer = b"".join(self.app(environ, start_response))
        if isinstance(kind, tuple):
            self._kill(kind[1])
        if kind == "cut":
            answer = answer[: len(answer) // 2]  # of what Content-Length has promised
        self.asked.append((method, path, len(answer)))
        return [answer]

    def _kill(self, process):
        process.kill()
        process.wait()

    def _fault(self, method, path):
        for fault in self.faults:
            if fault.times > 0 and fault.method == method and fnmatch.fnmatch(path, fault.path):
                fault.times -= 1
                return fault.kind
        return None


@contextmanager
def object_store():
    """Serve from a thread while the block runs; what reaches for s3:// in this process and its children comes there."""
    driver = pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server")
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    store = ObjectStore(server.DomainDispatcherApplication(server.create_backend_app))
    listening = make_server("127.0.0.1", 0, store, threaded=True)
    store.address = f"http://127.0.0.1:{listening.port}"
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**LOGIN, "AWS_ENDPOINT_URL": store.address, "FSSPEC_S3": QUICK}.items():
            patch.setenv(name, value)
        patch.setattr(driver.S3FileSystem, "retries", 2)
        import fsspec.config

        fsspec.config.set_conf_env(fsspec.config.conf)
        yield store
    listening.shutdown()
    thread.join()
