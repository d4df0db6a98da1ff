from __future__ import annotations

import numpy as np
import pytest
from toy import toy_data, toy_features, toy_interactions

from featurizer.errors import InputError, UnknownName
from featurizer.features.arrays import ArrayOptions, ArraySpace, write_arrays
from featurizer.recsys.source import Source


@pytest.fixture
def numbered(tmp_path):
    """Features by asin in two spaces, and MMRec's numbered interactions with their map."""
    features = toy_features()
    spaces = [
        ArraySpace("minilm_text", "text", features.vectors, np.arange(30) != 4),
        ArraySpace("spectral_image", "image", features.vectors[:, :3]),
    ]
    write_arrays(tmp_path / "features", [f"B{item:03d}" for item in range(30)], spaces, ArrayOptions())
    label = {"train": 0, "valid": 1, "test": 2}
    lines = [
        f"{user[1:]}\t{int(item[1:])}\t{label[split]}" for user, item, split in toy_interactions().rows()
    ]
    (tmp_path / "toy.inter").write_text("userID\titemID\tx_label\n" + "\n".join(lines) + "\n")
    mapping = "\n".join(f"B{item:03d}\t{item}" for item in range(30))
    (tmp_path / "i_id_mapping.csv").write_text(f"asin\titemID\n{mapping}\n")
    return tmp_path


def test_numbered_interactions_meet_features_by_asin_through_the_item_map(numbered):
    source = Source.of(
        numbered / "features", numbered / "toy.inter",
        space="minilm_text+spectral_image", item_map=numbered / "i_id_mapping.csv",
    )  # fmt: skip
    data = source.read()
    assert (data.train.keys == toy_data().train.keys).all()
    assert data.item_ids[7] == "B007"
    assert data.features.shape == (30, 11)
    assert data.covered == 1.0
    assert not data.features[4, :8].any()
    assert np.linalg.norm(data.features[4, 8:]) == pytest.approx(1, rel=1e-5)


def test_without_the_item_map_the_coverage_says_what_is_wrong(numbered):
    source = Source.of(numbered / "features", numbered / "toy.inter", space="minilm_text", min_coverage=0.5)
    with pytest.raises(InputError, match=r"0\.0% of the train pairs .* --item-map"):
        source.read()


def test_a_space_is_asked_for_by_the_names_there_are(numbered):
    with pytest.raises(InputError, match=r"--space minilm_text\+spectral_image"):
        Source.of(numbered / "features", numbered / "toy.inter")
    with pytest.raises(UnknownName, match="did you mean minilm_text"):
        Source.of(numbered / "features", numbered / "toy.inter", space="minilm").read()


def test_fingerprints_change_with_every_input(numbered):
    def of(**changes):
        given = {"space": "minilm_text", "item_map": numbered / "i_id_mapping.csv"} | changes
        return Source.of(numbered / "features", numbered / "toy.inter", **given).fingerprints()

    first = of()
    assert of() == first
    assert of(space="spectral_image") != first
    assert of(item_map=None) != first
    (numbered / "toy.inter").write_text("userID\titemID\tx_label\n1\t1\t0\n")
    assert of() != first
