import re

import pytest

from featurizer.catalog.datasets import get_dataset, load_datasets
from featurizer.errors import InputError, UnknownName

ENTRY = """
version: 1
datasets:
  mine:
    title: Mine
    format: amazon-2023
    license: CC0-1.0
    terms: none
    citation: none
"""

BASES = {
    "amazon-2014": r"http://snap\.stanford\.edu/data/amazon/productGraph/categoryFiles/(meta_\w+\.json\.gz|ratings_\w+\.csv)",
    "amazon-2018": r"https://mcauleylab\.ucsd\.edu/public_datasets/data/amazon_v2/(categoryFilesSmall/\w+_5|metaFiles2/meta_\w+)\.json\.gz",
    "amazon-2023": r"https://mcauleylab\.ucsd\.edu/public_datasets/data/amazon_2023/raw/(meta_categories/meta_|review_categories/)\w+\.jsonl\.gz",
}


def test_the_shipped_manifest_has_every_edition_and_the_sample():
    found = load_datasets()
    assert {
        "sample",
        *(f"amazon-2014-{name}" for name in ("baby", "sports", "clothing", "electronics")),
    } <= set(found)
    for edition in ("amazon-2018", "amazon-2023"):
        assert len([name for name in found if name.startswith(edition)]) >= 5
        assert f"{edition}-all-beauty" in found


def test_every_address_is_where_the_edition_lies():
    for name, entry in load_datasets().items():
        if entry.format in BASES and name != "sample":
            assert re.fullmatch(BASES[entry.format], entry.metadata.url), name
            assert re.fullmatch(BASES[entry.format], entry.interactions.url), name


def test_the_objects_of_berkeley_are_sixteen_files_and_a_table_of_pictures_under_a_free_license():
    entry = get_dataset("amazon-berkeley-objects")
    host = "https://amazon-berkeley-objects.s3.us-east-1.amazonaws.com"
    assert [file.url for file in entry.metadata_files] == [
        f"{host}/listings/metadata/listings_{name}.json.gz" for name in "0123456789abcdef"
    ]
    assert entry.pictures.url == f"{host}/images/metadata/images.csv.gz"
    assert entry.pictures.below == f"{host}/images/small/"
    assert (entry.license, entry.has_interactions) == ("CC-BY-4.0", False)


def test_the_expected_statistics_are_the_published_ones():
    assert get_dataset("amazon-2014-sports").expected.model_dump(exclude_none=True) == {
        "users": 35598,
        "items": 18357,
        "train": 218409,
        "valid": 37899,
        "test": 40029,
    }


def test_an_entry_of_ones_own_is_read_with_defaults():
    entry = load_datasets(ENTRY)["mine"]
    assert (entry.k_core, entry.split, entry.metadata) == (5, "random", None)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("amazon-2023", "amazon-2099", r"datasets\.mine\.format.*amazon-2099"),
        ("title: Mine", "titel: Mine", r"datasets\.mine\.title.*required.*datasets\.mine\.titel"),
        ("license: CC0-1.0", "license: CC0-1.0\n    k_core: -1", r"datasets\.mine\.k_core.*found -1"),
        ("license: CC0-1.0", "license: CC0-1.0\n    split: later", r"datasets\.mine\.split"),
        (
            "license: CC0-1.0",
            "license: CC0-1.0\n    metadata: {url: nothing}",
            r"datasets\.mine\.metadata\.url.*scheme",
        ),
        (
            "license: CC0-1.0",
            "license: CC0-1.0\n    metadata: {url: 'http://a', sha256: xyz}",
            r"datasets\.mine\.metadata\.sha256",
        ),
        ("version: 1", "version: 2", "version"),
        ("version: 1", "version: [", "not valid YAML"),
        ("  mine:", "  My Own:", r"datasets\.My Own"),
    ],
)
def test_a_wrong_field_is_named_with_file_and_entry(old, new, message):
    with pytest.raises(InputError, match=re.compile(rf"mine\.yaml.*{message}", re.IGNORECASE | re.DOTALL)):
        load_datasets(ENTRY.replace(old, new), origin="mine.yaml")


def test_an_unknown_dataset_names_the_nearest():
    with pytest.raises(UnknownName, match="did you mean amazon-2014-baby"):
        get_dataset("amazon-2014-babe")
