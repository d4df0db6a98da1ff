import pytest

from featurizer.errors import InputError
from featurizer.operations.train import Train


def test_a_catalog_without_interactions_is_said_to_be_one_where_some_are_expected(tmp_path):
    (tmp_path / "catalog.json").write_text("{}")
    with pytest.raises(InputError, match="is a catalog without interactions; expected a file"):
        Train(features=tmp_path / "f", interactions=tmp_path, out=tmp_path / "m")
