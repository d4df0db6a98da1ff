from __future__ import annotations

import pytest
from material import write_all

from featurizer.report.gather import gather
from featurizer.report.write import write_report


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """The folder of a small run."""
    return write_all(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="session")
def shown(run):
    """What its report shows."""
    return gather([run])


@pytest.fixture(scope="session")
def page_file(shown, tmp_path_factory):
    """The report itself."""
    out = tmp_path_factory.mktemp("page") / "report.html"
    write_report(shown, out, title="Sample <b>run</b>")
    return out
