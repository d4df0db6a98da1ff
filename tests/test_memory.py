from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from featurizer.operations.extract import Extract
from featurizer.operations.pretrain_ica import PretrainIca
from featurizer.operations.score_features import ScoreFeatures
from featurizer.operations.train import Train
from featurizer.operations.verify import Verify

HERE = Path()

PROGRAM = """
import resource, sys
import numpy as np
from featurizer.memory import keep_freed_memory
from featurizer.operations.execute import execute
from featurizer.operations.operation import Context, Operation, Outcome

class Work(Operation):
    models: bool

    def runs_model(self):
        return self.models

    def run(self, context):
        return Outcome(None, "done")

mode = sys.argv[1]
kept = mode == "keep" and keep_freed_memory()
if mode.startswith("operation"):
    execute(Work(models=mode == "operation with a model"), Context())

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
    with_model, without = faults("operation with a model")[1], faults("operation without")[1]
    assert 10 * with_model < without


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (Extract(catalog=HERE, encoders=("clip",), out=HERE), True),
        (PretrainIca(catalog=HERE, vision="clip", text="clip", out=HERE), True),
        (Train(features=HERE, interactions=HERE, out=HERE), True),
        (Verify(path=HERE), False),
        (Verify(path=HERE, catalog=HERE, sample=2), True),
        (ScoreFeatures(features=(HERE,), interactions=HERE, out=HERE), False),
        (ScoreFeatures(features=(HERE,), interactions=HERE, out=HERE, metrics=("downstream",)), True),
    ],
)
def test_operations_that_run_a_model_say_so(operation, expected):
    assert operation.runs_model() is expected
