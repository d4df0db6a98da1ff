from __future__ import annotations

import math
import subprocess
import sys

import pytest

from featurizer.lazy import lazy


def test_a_lazy_module_gives_what_the_module_holds():
    assert lazy("math").sqrt is math.sqrt
    with pytest.raises(AttributeError, match="no_such"):
        _ = lazy("math").no_such


def test_nothing_is_imported_before_something_is_used_and_nobody_else_gets_the_stand_in():
    code = (
        "import sys; from featurizer.lazy import lazy; found = lazy('wave'); "
        "assert 'wave' not in sys.modules; found.open; import wave; assert wave is not found"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_a_module_that_is_not_there_is_an_import_error_at_its_first_use():
    absent = lazy("featurizer.nowhere")
    with pytest.raises(ModuleNotFoundError, match=r"featurizer\.nowhere"):
        _ = absent.anything
