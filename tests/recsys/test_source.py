from __future__ import annotations

import numpy as np
import pytest
from toy import toy_data, toy_features, toy_interactions

from featurizer.errors import InputError, UnknownName
from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.features.feature_set import FeatureSet
from featurizer.recsys.content import default_space
from featurizer.recsys.source import chosen_fusion, fingerprints, read_data
from tests.alignment import planted


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


def test_the_join_is_chosen_on_train_rows_and_recorded(tmp_path):
    vectors, present = planted.parts()[0]
    noise = np.random.default_rng(3).standard_normal((planted.ITEMS, 40)).astype(np.float32)
    spaces = [ArraySpace("taste", "text", vectors, present), ArraySpace("noise", "image", noise)]
    write_arrays(tmp_path / "features", [str(item) for item in range(planted.ITEMS)], spaces)
    made, train = FeatureSet.open(tmp_path / "features"), planted.train()
    pairs = [f"{user}\t{item}\t0" for user, item in zip(train.users, train.items, strict=True)]
    held = [f"{user}\t{(7 * user) % planted.ITEMS}\t{1 + user % 2}" for user in range(planted.USERS)]
    for name, lines in (("all", [*pairs, *held]), ("train", pairs)):
        (tmp_path / f"{name}.inter").write_text("\n".join(["userID\titemID\tx_label", *lines]) + "\n")
    inter = tmp_path / "all.inter"
    fusion = chosen_fusion(made, "taste+noise", inter)
    assert fusion.told["weights"][0] > fusion.told["weights"][1]
    data = read_data(made, "taste+noise", inter, fusion=fusion)
    expected = fusion([made.vectors(name) for name in ("taste", "noise")])
    np.testing.assert_array_equal(data.features, expected[[int(item) for item in data.item_ids]])
    told = fingerprints(made, "taste+noise", inter, fusion=fusion)
    assert told.pop("fusion") == fusion.told
    assert told == fingerprints(made, "taste+noise", inter)
    # what is held out of training decides nothing
    assert chosen_fusion(made, "taste+noise", tmp_path / "train.inter").told == fusion.told
    with pytest.raises(InputError, match="taste is one; expected several"):
        chosen_fusion(made, "taste", inter)
