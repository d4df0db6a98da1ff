import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data; a test that needs it is skipped where it is absent."""
    found = os.environ.get("FEATURIZER_SHARED") or Path(__file__).parent.parent.parent / "shared"
    folder = Path(found) / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set FEATURIZER_SHARED to the folder that holds data/")
    return folder
