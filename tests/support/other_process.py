"""A second process that holds a folder."""

import signal
import subprocess
import sys
from contextlib import contextmanager

SCRIPT = """
import sys
from pathlib import Path
from featurizer.errors import FolderBusy
from featurizer.results.locks import writing
folder, fingerprint, shared, wait = sys.argv[1:5]
try:
    with writing(Path(folder), fingerprint=fingerprint, shared=shared == "shared", wait=float(wait)):
        print("in", flush=True)
        sys.stdin.readline()
except FolderBusy as error:
    print(error, flush=True)
"""


class Other:
    """Another process that holds a folder until it is told to leave."""

    def __init__(self, folder, fingerprint="one", *, shared=False, wait=0):
        given = [str(folder), fingerprint, "shared" if shared else "alone", str(wait), "--token", "hidden"]
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, *given], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def said(self):
        return self.process.stdout.readline().strip()

    def refusal(self):
        return self.process.communicate()[0]

    def leave(self):
        self.process.communicate("\n")
        assert self.process.returncode == 0

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


@contextmanager
def other(folder, *given, **options):
    process = Other(folder, *given, **options)
    try:
        assert process.said() == "in"
        yield process
    finally:
        process.kill()
