from __future__ import annotations

import numpy as np
import pytest
from toy import toy_data, toy_features, toy_interactions

from featurizer.errors import InputError, UnknownName
from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.features.feature_set import FeatureSet
from featurizer.recsys.content import default_space
from featurizer.recsys.source import fingerprints, read_data


@pytest.fixture
def numbered(tmp_path):
    """Features by asin in two spaces, and MMRec's numbered interactions with their map."""
    _, features = toy_features()
    spaces = [
        ArraySpace("minilm_text", "text", features, np.arange(30) != 4),
        ArraySpace("spectral_image", "image", features[:, :3]),
    ]
    write_arrays(tmp_path / "features", [f"B{item:03d}" for item in range(30)], spaces)
    label = {"train": 0, "valid": 1, "test": 2}
    lines = [
        f"{user[1:]}\t{int(item[1:])}\t{label[split]}" for user, item, split in toy_interactions().rows()
    ]
    (tmp_path / "toy.inter").write_text("userID\titemID\tx_label\n" + "\n".join(lines) + "\n")
    mapping = "\n".join(f"B{item:03d}\t{item}" for item in range(30))
    (tmp_path / "i_id_mapping.csv").write_text(f"asin\titemID\n{mapping}\n")
    return tmp_path


def test_numbered_interactions_meet_features_by_asin_through_the_item_map(numbered):
    data = read_data(
        FeatureSet.open(numbered / "features"), "minilm_text+spectral_image", numbered / "toy.inter",
        item_map=numbered / "i_id_mapping.csv",
    )  # fmt: skip
    assert (data.train.keys == toy_data().train.keys).all()
    assert data.item_ids[7] == "B007"
    assert data.features.shape == (30, 11)
    assert data.covered == 1.0
    assert not data.features[4, :8].any()
    assert np.linalg.norm(data.features[4, 8:]) == pytest.approx(1, rel=1e-5)


def test_without_the_item_map_the_coverage_says_what_is_wrong(numbered):
    features = FeatureSet.open(numbered / "features")
    with pytest.raises(InputError, match=r"0\.0% of the train pairs .* --item-map"):
        read_data(features, "minilm_text", numbered / "toy.inter", min_coverage=0.5)


def test_a_space_is_asked_for_by_the_names_there_are(numbered):
    features = FeatureSet.open(numbered / "features")
    with pytest.raises(InputError, match=r"--space minilm_text\+spectral_image"):
        default_space(features)
    with pytest.raises(UnknownName, match="did you mean minilm_text"):
        read_data(features, "minilm", numbered / "toy.inter")


def test_fingerprints_change_with_every_input(numbered):
    def of(space="minilm_text", item_map=numbered / "i_id_mapping.csv"):
        return fingerprints(FeatureSet.open(numbered / "features"), space, numbered / "toy.inter", item_map)

    first = of()
    assert of() == first
    assert of(space="spectral_image") != first
    assert of(item_map=None) != first
    (numbered / "toy.inter").write_text("userID\titemID\tx_label\n1\t1\t0\n")
    assert of() != first
