import pytest
from sample_sets import write_world


@pytest.fixture(scope="session")
def sample(tmp_path_factory):
    """A folder with interactions.parquet, oracle, random_a and random_b."""
    return write_world(tmp_path_factory.mktemp("sample"))
