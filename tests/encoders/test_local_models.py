"""A model in a folder: its name and its weights are told, never where the folder lies."""

import shutil

import pytest

import featurizer as fz
from featurizer.errors import FeaturizerError
from featurizer.records import ItemRecord
from tests.support.items import make_catalog


@pytest.fixture
def catalog(tmp_path):
    return make_catalog(tmp_path / "c", [ItemRecord(f"i{n}", title=f"cup number {n}") for n in range(4)])


@pytest.fixture
def local_model(tmp_path, checkpoint):
    place = tmp_path / "alice-private" / "models" / "little"
    place.parent.mkdir(parents=True)
    shutil.copytree(checkpoint("bert"), place)
    return place


def test_of_a_local_model_the_name_alone_is_told_and_the_sample_finds_it_again(
    catalog, tmp_path, local_model, monkeypatch
):
    asked = f"mine=transformers:{local_model}"
    out = tmp_path / "shop" / "f"
    made = fz.extract(catalog, encoders=[asked], out=out)
    assert made.manifest.requests == ["mine=transformers:./little"]
    assert made.spaces["mine_text"].model == "little"
    for name in ("feature_set.json", "README.md"):
        assert "alice-private" not in (out / name).read_text("utf-8")
    assert fz.verify(made, catalog=catalog, sample=2).ok
    moved = local_model.rename(tmp_path / "elsewhere")
    with pytest.raises(FeaturizerError, match="little"):
        fz.verify(made, catalog=catalog, sample=2)
    assert fz.verify(made, catalog=catalog, sample=2, encoders=[f"mine=transformers:{moved}"]).ok
    moved.rename(tmp_path / "shop" / "little")  # beside the set
    assert fz.verify(made, catalog=catalog, sample=2).ok


def test_the_place_of_a_local_model_plays_no_part_in_the_fingerprint(catalog, tmp_path, local_model):
    one = fz.extract(catalog, encoders=[f"mine=transformers:{local_model}"], out=tmp_path / "f")
    there = tmp_path / "little"
    shutil.copytree(local_model, there)
    other = fz.extract(catalog, encoders=[f"mine=transformers:{there}"], out=tmp_path / "g")
    assert one.manifest.fingerprint == other.manifest.fingerprint
