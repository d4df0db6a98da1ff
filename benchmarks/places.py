"""Where the benchmarks find the checkout and the shared data sets."""

from __future__ import annotations

import os
from pathlib import Path

HERE = Path(__file__).parent.parent
DATA = Path(os.environ.get("FEATURIZER_SHARED", HERE.parent / "shared")) / "data"
RUNS = HERE / "runs"
RESULTS = HERE / "docs" / "results"
