import pytest

from featurizer.errors import InputError
from featurizer.operations.extract import Extract
from featurizer.operations.score_features import ScoreFeatures
from featurizer.operations.train import Train


def test_a_catalog_without_interactions_is_said_to_be_one_where_some_are_expected(tmp_path):
    (tmp_path / "catalog.json").write_text("{}")
    with pytest.raises(InputError, match="is a catalog without interactions; expected a file"):
        Train(features=tmp_path / "f", interactions=tmp_path, out=tmp_path / "m")


@pytest.mark.parametrize("address", ["s3://bucket/set", "hf://datasets/me/set", "gs://bucket"])
def test_the_address_of_a_store_is_refused_where_a_path_is_expected(tmp_path, address):
    told = f"{address} is the address of a store, expected a path of this machine"
    with pytest.raises(InputError, match=told):
        Extract(catalog=tmp_path, encoders=("minilm",), out=address)
    with pytest.raises(InputError, match=told):
        Extract(catalog=address, encoders=("minilm",), out=tmp_path)
    with pytest.raises(InputError, match=told):
        ScoreFeatures(features=(tmp_path, address), interactions=tmp_path / "i.csv", out=tmp_path / "s")
