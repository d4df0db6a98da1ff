"""Items of several pictures: a space is made of the first, or is the mean of all normalized vectors."""

from dataclasses import replace

import numpy as np
import pytest

import featurizer
from featurizer.catalog.decode import decode
from featurizer.encoders.mean_of_pictures import MeanOfPictures, seeing_all
from featurizer.encoders.resolve import load_encoders
from featurizer.features.against_catalog import against_catalog
from featurizer.features.encode_again import verify_sample
from featurizer.features.engines.plan import Plan, ShardWorker
from featurizer.features.extract import ExtractOptions, extract
from featurizer.features.prepare import OfPicture, prepare_rows
from featurizer.features.verify import verify
from featurizer.records import OK, ImageRef, ItemRecord
from featurizer.results.files import fingerprint
from tests.features.test_extract import png
from tests.features.test_update import Counted
from tests.support.color import encoders
from tests.support.items import make_catalog

OPTIONS = ExtractOptions(batch_size=3, shard_rows=5, threads=1)
JUNK = b"\x89PNG\r\n\x1a\n but no picture"


def item(name, *pictures, title="a cup"):
    first, *further = [ImageRef(data=one) for one in pictures] or [ImageRef()]
    return ItemRecord(name, title=title, image=first, further=tuple(further))


def items():
    """Items of no picture, of one, of up to six, of some that are broken, and of the same one twice."""
    return [
        item("none"),
        item("one", png(1)),
        item("two", png(2), png(3)),
        item("repeated", png(2), png(3), png(2)),
        item("six", *(png(number) for number in range(10, 16))),
        item("first broken", JUNK, png(4), png(5)),
        item("last broken", png(4), png(5), JUNK),
        item("all broken", JUNK, JUNK + b"!"),
        *(item(f"i{number}", png(20 + number), png(40 + number)) for number in range(9)),
    ]


PICTURES = {
    "none": [], "one": [1], "two": [2, 3], "repeated": [2, 3], "six": [*range(10, 16)], "first broken": [4, 5],
    "last broken": [4, 5], "all broken": [], **{f"i{number}": [20 + number, 40 + number] for number in range(9)},
}  # fmt: skip


def written_out(encoder):
    """Return the mean of the normalized vectors of each item's pictures, one picture encoded after the other."""
    found = {}
    for name, numbers in PICTURES.items():
        vectors = [
            encoder.encode([encoder.prepare(decode(png(number)))])[0].astype(float) for number in numbers
        ]
        unit = [vector / (vector @ vector) ** 0.5 for vector in vectors]
        found[name] = sum(unit) / len(unit) if unit else None
    return found


def size_of(picture):
    return picture.size


def refuse(picture):
    raise ValueError(f"no picture of {picture.size}")


def by_item(features, space):
    vectors, present = features.vectors(space)
    return {
        name: vector if there else None
        for name, vector, there in zip(features.item_ids(), vectors, present, strict=True)
    }


def assert_means(features, space, encoder):
    found, expected = by_item(features, space), written_out(encoder)
    assert [name for name, one in found.items() if one is None] == ["none", "all broken"]
    for name, vector in found.items():
        if vector is not None:
            np.testing.assert_allclose(vector, expected[name], atol=1e-5)


@pytest.fixture
def catalog(tmp_path):
    return make_catalog(tmp_path / "c", items(), part_rows=6)


def test_a_space_is_the_mean_of_the_normalized_vectors_of_all_pictures(catalog, tmp_path, caplog):
    caplog.set_level("INFO", "featurizer")
    one = encoders()
    features = extract(catalog, seeing_all(one), tmp_path / "f", OPTIONS)
    assert_means(features, "color_image", one[0])
    table = features.to_polars().to_dict(as_series=False)
    reasons = dict(zip(table["item_id"], table["error"], strict=True))
    assert {name: reason for name, reason in reasons.items() if reason is not None} == {
        "all broken": "image: decode_error",
    }
    seen = dict(zip(table["item_id"], table["has_image"], strict=True))
    assert [name for name, has in seen.items() if not has] == ["none", "all broken"]
    assert features.manifest.failures == {"image: decode_error": 1}
    told = [one.getMessage() for one in caplog.records if "left out of the means" in one.getMessage()]
    assert told == ["2 pictures are left out of the means of their items: image: decode_error 2"]
    assert (features.spaces["color_image"].images, features.spaces["color_image"].normalized) == (
        "mean",
        False,
    )
    assert [*verify(features), *against_catalog(features, catalog)] == []
    assert verify_sample(features, catalog, one, sample=20) == []


def test_a_broken_first_picture_fails_for_an_encoder_that_sees_no_other():
    several, first = OfPicture(size_of, several=True), OfPicture(size_of)
    row = ("a", None, [(OK, JUNK), (OK, png(4)), (OK, png(5))])
    (alone,) = prepare_rows([row], {"all": several, "first": first})
    assert (alone.errors, alone.left_out, alone.usable) == (("image: decode_error",), (), True)
    (every,) = prepare_rows([row], {"all": several})
    assert (every.errors, every.left_out, len(every.inputs["all"])) == ((), ("image: decode_error",), 2)


def test_pictures_that_an_encoder_cannot_prepare_fail_an_item_once_and_where_none_can_be():
    refused = {"all": OfPicture(refuse, several=True)}
    (failed,) = prepare_rows([("a", None, [(OK, png(4)), (OK, png(5))])], refused)
    assert (failed.errors, failed.left_out, failed.usable) == (("all: prepare_ValueError",), (), True)
    (other,) = prepare_rows([("a", None, [(OK, JUNK), (OK, png(5))])], refused)
    assert (other.errors, other.left_out) == (("all: prepare_ValueError",), ("image: decode_error",))


def test_the_mean_of_real_vectors_equals_the_written_out_sum(catalog, tmp_path):
    encoder_options = {"encoders": ["efficientnet-lite0"], "images": "mean", "threads": 1}
    features = featurizer.extract(catalog, **encoder_options, out=tmp_path / "f")
    (encoder,) = load_encoders(["efficientnet-lite0"], device="cpu")
    assert_means(features, "efficientnet-lite0_image", encoder)
    plan = Plan(
        catalog.folder, ("efficientnet-lite0",), tmp_path / "r", ExtractOptions(threads=1), images="mean"
    )
    assert fingerprint(ShardWorker(plan).told().draft.config) == features.manifest.fingerprint


def test_the_first_picture_makes_what_it_made_where_there_was_but_one(catalog, tmp_path):
    firsts = [replace(record, further=()) for record in items()]
    alone = extract(
        make_catalog(tmp_path / "alone", firsts, part_rows=6), encoders(), tmp_path / "a", OPTIONS
    )
    features = extract(catalog, encoders(), tmp_path / "f", OPTIONS)
    assert [path.read_bytes() for path in features.shards] == [path.read_bytes() for path in alone.shards]
    assert "images" not in features.spaces["color_image"].document()
    assert "images" not in features.manifest.config["encoders"]["color_image"]


def test_the_mean_is_another_configuration_and_of_texts_nothing_changes(catalog, tmp_path):
    first = extract(catalog, encoders(), tmp_path / "f", OPTIONS)
    mean = extract(catalog, seeing_all(encoders()), tmp_path / "m", OPTIONS)
    assert first.manifest.fingerprint != mean.manifest.fingerprint
    texts = [one for one in encoders() if one.spec.modality == "text"]
    assert extract(catalog, seeing_all(texts), tmp_path / "t", OPTIONS).manifest.fingerprint == (
        extract(catalog, texts, tmp_path / "u", OPTIONS).manifest.fingerprint
    )


def test_an_update_encodes_items_again_any_of_whose_pictures_changed(tmp_path):
    records = items()
    catalog = make_catalog(tmp_path / "c", records, part_rows=6)
    extract(catalog, seeing_all(encoders()), tmp_path / "f", OPTIONS)
    records[4] = item("six", *(png(number) for number in (10, 11, 77, 13, 14, 15)))
    records[3] = item("repeated", png(2), png(3), png(3))  # still the same two
    records[8] = item("i0", png(20), png(40), title="another title")
    now = make_catalog(tmp_path / "now", records, part_rows=6)
    counted = [Counted(one) for one in encoders()]
    features = extract(now, seeing_all(counted), tmp_path / "f", replace(OPTIONS, update=True))
    assert [one.encoded for one in counted] == [6, 1]
    assert features.manifest.update.encoded == {"color_image": 1, "letter_text": 1}
    anew = extract(now, seeing_all(encoders()), tmp_path / "anew", OPTIONS)
    for mine, theirs in zip(
        by_item(features, "color_image").values(), by_item(anew, "color_image").values(), strict=True
    ):
        assert (mine is None) == (theirs is None)
        if mine is not None:
            np.testing.assert_allclose(mine, theirs, atol=1e-6)
    assert features.manifest.failures == anew.manifest.failures
    # of the first pictures none changed
    extract(catalog, encoders(), tmp_path / "g", OPTIONS)
    firsts = [Counted(one) for one in encoders()]
    extract(now, firsts, tmp_path / "g", replace(OPTIONS, update=True))
    assert [one.encoded for one in firsts] == [0, 1]


def test_from_the_first_to_the_mean_an_update_encodes_all_pictures_and_copies_the_texts(catalog, tmp_path):
    extract(catalog, encoders(), tmp_path / "f", OPTIONS)
    counted = [Counted(one) for one in encoders()]
    features = extract(catalog, seeing_all(counted), tmp_path / "f", replace(OPTIONS, update=True))
    assert_means(features, "color_image", encoders()[0])
    assert counted[1].encoded == 0


def test_no_more_pictures_are_encoded_at_once_than_there_are_items(tmp_path):
    sizes = []

    class Sized(Counted):
        def encode(self, prepared):
            sizes.append(len(prepared))
            return super().encode(prepared)

    mean = MeanOfPictures.of(Sized(encoders()[0]))
    pictures = [mean.prepare(decode(png(number))) for number in range(7)]
    vectors = mean.encode([pictures[:5], pictures[5:]])
    assert sizes == [2, 2, 2, 1]
    assert vectors.shape == (2, 192)
    assert mean.encode([]).shape == (0, 192)


def test_a_vector_of_zeros_and_one_that_is_not_finite_stay_what_they_are():
    class Given(Counted):
        def encode(self, prepared):
            return np.stack(prepared)

    mean = MeanOfPictures.of(Given(encoders()[0]))
    zero, one = np.zeros(192, np.float32), np.eye(192, dtype=np.float32)[3]
    vectors = mean.encode([[zero], [zero, one], [one, np.full(192, np.inf, np.float32)]])
    assert not vectors[0].any()
    assert vectors[1][3] == 0.5
    assert not np.isfinite(vectors[2]).all()
