import json

import jinja2
import numpy as np
import pytest
import yaml

from featurizer.features.arrays import ArrayOptions, ArraySpace, write_arrays
from featurizer.features.feature_set import FeatureSet
from featurizer.manifest import write_json
from featurizer.release.card import escape_markdown, render_card, write_card


@pytest.fixture
def features(tmp_path):
    provenance = {
        "family": "timm",
        "model": "a_b*c",
        "pooling": "mean",
        "source": "hub",
        "licence": "MIT",
        "preprocessing": {"size": [3, 224, 224]},
    }
    space = ArraySpace(
        "x_image", "image", np.ones((3, 4), np.float32), np.array([True, False, True]), provenance
    )
    made = write_arrays(
        tmp_path / "f",
        list("abc"),
        [space],
        ArrayOptions(source={"name": "My <b>shop</b>", "licence": "CC0-1.0"}),
    )
    more = {
        "device": "cpu",
        "libraries": {"torch": "2"},
        "requests": ["x"],
        "text_recipe": None,
        "failures": {"image: truncated": 1},
    }
    write_json(made.folder / "feature_set.json", {**made.manifest, **more})
    return FeatureSet.open(made.folder)


def front_matter(card):
    _, head, body = card.split("---\n", 2)
    return yaml.safe_load(head), body


def test_the_front_matter_is_what_the_hub_reads(features):
    head, _ = front_matter(render_card(features))
    assert head["license"] == "cc0-1.0"
    assert head["configs"] == [
        {"config_name": "default", "data_files": [{"split": "train", "path": "data/train-*"}]}
    ]
    assert head["size_categories"] == ["n<1K"]
    assert head["dataset_info"]["splits"][0]["num_examples"] == 3
    names = {feature["name"]: feature for feature in head["dataset_info"]["features"]}
    assert names["x_image"] == {"name": "x_image", "list": "float32", "length": 4}


def test_the_hubs_own_parser_takes_the_front_matter_and_datasets_its_features(features):
    import datasets
    from huggingface_hub import DatasetCard

    card = DatasetCard(render_card(features))
    read = datasets.Features._from_yaml_list(card.data.to_dict()["dataset_info"]["features"])
    assert read["x_image"] == datasets.List(datasets.Value("float32"), length=4)


def test_what_comes_from_data_is_escaped(features):
    _, body = front_matter(render_card(features))
    assert "<b>shop" not in body
    assert r"a\_b\*c" in body
    assert escape_markdown("a|b\n# c") == r"a\|b \# c"


def test_coverage_and_failures_are_in_the_card(features):
    _, body = front_matter(render_card(features))
    assert "| with a picture | 2 |" in body
    assert "| failed: image: truncated | 1 |" in body


def test_a_field_that_the_manifest_lacks_is_an_error_not_a_gap(features):
    manifest = {**features.manifest, "spaces": {"x_image": {"modality": "image", "dim": 4, "encoder": "x"}}}
    with pytest.raises(jinja2.UndefinedError):
        render_card(FeatureSet(features.folder, manifest))


def test_vectors_of_unknown_origin_have_a_card_too(tmp_path):
    made = write_arrays(tmp_path / "f", ["a"], [ArraySpace("x", "both", np.ones((1, 2)))], ArrayOptions())
    head, body = front_matter(render_card(made))
    assert "license" not in head
    assert "No licence was given" in body
    assert "imported model unknown" in body


def test_the_card_is_the_same_when_rendered_again(features):
    first = write_card(features).read_text("utf-8")
    assert write_card(FeatureSet.open(features.folder)).read_text("utf-8") == first
    assert json.loads((features.folder / "feature_set.json").read_text())["rows"] == 3
