"""A catalog of items with three pictures, one, none and a broken one, through a model that reads all of an item."""

import io
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from featurizer.catalog.decode import decode
from featurizer.encoders.base import Pair
from featurizer.encoders.resolve import load_encoders
from featurizer.encoders.starting import start_taken
from featurizer.errors import InputError
from featurizer.features.encode_again import recorded_encoders, verify_sample
from featurizer.features.engines.plan import Plan, ShardWorker
from featurizer.features.extract import ExtractOptions, extract, extract_part
from featurizer.features.write import Part
from featurizer.records import ImageRef, ItemRecord
from tests.features.test_extract import png
from tests.features.test_mean_of_pictures import JUNK, by_item
from tests.support.items import make_catalog

OPTIONS = ExtractOptions(batch_size=3, shard_rows=4, threads=1)


def item(name, *pictures, title=None):
    first, *further = [ImageRef(data=one) for one in pictures] or [ImageRef()]
    return ItemRecord(name, title=title, image=first, further=tuple(further))


ITEMS = {
    "three": ([1, 2, 3], "a red cup"),
    "one": ([4], "a blue cup"),
    "text alone": ([], "a cup without a picture"),
    "picture alone": ([5], None),
    "pictures alone": ([6, 7], None),
    "nothing": ([], None),
    "broken": ([None], "a cup whose picture is broken"),
    "one of two broken": ([None, 8], "a cup with a broken picture"),
    "all broken": ([None], None),
}


def records():
    return [
        item(name, *(JUNK if one is None else png(one) for one in numbers), title=title)
        for name, (numbers, title) in ITEMS.items()
    ]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    sys.path.insert(0, str(Path(__file__).parents[1] / "encoders"))
    try:
        from joint_checkpoints import qwen3_vl
    finally:
        sys.path.pop(0)
    return f"vl=sentence-transformers:{qwen3_vl(tmp_path_factory.mktemp('models') / 'qwen')}"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    return make_catalog(tmp_path_factory.mktemp("catalog") / "c", records(), part_rows=6)


@pytest.fixture(scope="module")
def encoders(model):
    return load_encoders([model], device="cpu", images="all")


@pytest.fixture(scope="module")
def features(catalog, encoders, tmp_path_factory):
    return extract(catalog, encoders, tmp_path_factory.mktemp("features") / "f", OPTIONS)


def test_every_item_is_a_row_with_a_vector_of_what_it_has_and_a_reason_for_what_it_lacks(features):
    table = features.to_polars().to_dict(as_series=False)
    assert table["item_id"] == list(ITEMS)
    assert dict(zip(table["item_id"], table["error"], strict=True)) == {
        **dict.fromkeys(ITEMS),
        "broken": "image: decode_error",
        "all broken": "image: decode_error",
    }
    lacking = {
        space: [name for name, vector in by_item(features, space).items() if vector is None]
        for space in features.spaces
    }
    assert lacking == {
        "vl_image": ["text alone", "nothing", "broken", "all broken"],
        "vl_text": ["picture alone", "pictures alone", "nothing", "all broken"],
        "vl": ["nothing", "all broken"],
    }


def test_a_joint_vector_is_that_of_all_the_pictures_and_the_text_at_once(features, encoders):
    (joint,) = [one for one in encoders if one.spec.modality == "both"]
    found = by_item(features, "vl")
    for name, (numbers, title) in ITEMS.items():
        if found[name] is None:
            continue
        pictures = [decode(png(one)) for one in numbers if one is not None]
        expected = joint.encode([joint.prepare(Pair.of(pictures, title))])[0]
        np.testing.assert_allclose(found[name], expected, atol=1e-5)


def square(shade):
    file = io.BytesIO()
    Image.new("RGB", (64, 64), (shade, 40, 200)).save(file, "PNG")
    return file.getvalue()


def test_an_item_that_the_model_itself_refuses_is_a_row_with_a_reason(model, tmp_path):
    """Three pictures take more tokens than are left to a message, which shows when they are encoded."""
    short = model.replace("sentence-transformers", "transformers") + ",max_tokens=76"
    large = [square(shade) for shade in (10, 90, 170, 250)]
    drawn = [item("three", *large[:3], title="a red cup"), records()[1], item("alone", *large)]
    catalog = make_catalog(tmp_path / "c", drawn)
    encoders = load_encoders([short], device="cpu", images="all")
    made = extract(catalog, encoders, tmp_path / "f", replace(OPTIONS, shard_rows=2))
    why = "vl_image: encode_ValueError; vl: encode_ValueError"
    assert made.to_polars()["error"].to_list() == [why, None, why]
    assert [name for name, vector in by_item(made, "vl").items() if vector is None] == ["three", "alone"]
    assert by_item(made, "vl_text")["three"] is not None
    again = recorded_encoders(made, device="cpu", named=[short])
    assert verify_sample(made, catalog, again, sample=3) == []
    with pytest.raises(InputError, match="Expected more max_tokens"):
        load_encoders([short.replace("76", "24")], device="cpu")


def test_a_batch_that_is_refused_though_each_of_it_is_taken_is_an_error(encoders):
    class Odd:
        spec = encoders[0].spec

        def encode(self, prepared):
            if len(prepared) > 1:
                raise ValueError("not together")
            return np.zeros((1, self.spec.dim), np.float32)

    with pytest.raises(ValueError, match="not together"):
        start_taken(Odd(), [1, 2])


def test_the_set_says_that_pictures_were_read_together(features):
    assert {name: spec.images for name, spec in features.spaces.items()} == {
        "vl_image": "all", "vl_text": None, "vl": "all",
    }  # fmt: skip
    assert features.spaces["vl"].not_read == ("video",)


def test_workers_of_a_cluster_make_the_same_bytes(features, catalog, model, tmp_path):
    out = tmp_path / "w"
    worker = ShardWorker(Plan(catalog.folder, (model,), out, replace(OPTIONS, device="cpu"), images="all"))
    told = worker.told()
    assert told.draft.fingerprint == features.manifest.fingerprint
    for index in range(told.draft.shards):
        worker.write(index, told.fingerprint)
    made = sorted((out / "data").glob("*.parquet"))
    assert [one.read_bytes() for one in made] == [one.read_bytes() for one in features.shards]


def test_a_set_that_was_begun_is_finished_to_the_same_bytes(features, catalog, encoders, tmp_path):
    assert not extract_part(catalog, encoders, tmp_path / "f", OPTIONS, Part(2, 2))
    begun = {one.name: one.stat().st_mtime_ns for one in (tmp_path / "f").rglob("*.parquet")}
    finished = extract(catalog, encoders, tmp_path / "f", OPTIONS)
    assert [one.read_bytes() for one in finished.shards] == [one.read_bytes() for one in features.shards]
    assert begun
    assert begun.items() <= {one.name: one.stat().st_mtime_ns for one in finished.shards}.items()


def test_an_update_encodes_what_changed_of_an_item_alone(catalog, encoders, tmp_path):
    extract(catalog, encoders, tmp_path / "f", OPTIONS)
    changed = records()
    changed[0] = item("three", png(1), png(2), png(9), title="a red cup")
    changed[1] = item("one", png(4), title="a green cup")
    now = make_catalog(tmp_path / "now", changed, part_rows=6)
    features = extract(now, encoders, tmp_path / "f", replace(OPTIONS, update=True))
    assert features.manifest.update.encoded == {"vl_image": 1, "vl_text": 1, "vl": 2}


def test_a_sample_is_encoded_again_as_it_was(features, catalog, model):
    again = recorded_encoders(features, device="cpu", named=[model])
    assert {one.spec.space: one.spec.images for one in again}["vl"] == "all"
    assert verify_sample(features, catalog, again, sample=len(ITEMS)) == []
