from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
import numpy as np
from featurizer.recsys.memory import keep_freed_memory

kept = sys.argv[1] == "keep" and keep_freed_memory()

def step():
    first, second = np.ones(12_000_000, np.float32), np.ones(10_000_000, np.float32)
    del first
    third = np.ones(11_000_000, np.float32)

for _ in range(8):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    step()
print(int(kept), resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(mode: str) -> tuple[int, int]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, mode], capture_output=True, text=True, check=True, timeout=60
    )
    kept, count = map(int, done.stdout.split())
    return kept, count


@pytest.mark.skipif(sys.platform != "linux", reason="page faults are counted for glibc's malloc")
def test_large_blocks_are_faulted_in_once_and_kept():
    kept, count = faults("keep")
    if not kept:
        pytest.skip("the C library has no mallopt")
    assert 10 * count < faults("leave")[1]
