import json
from dataclasses import replace

import pytest

import featurizer as fz
from featurizer.alignment.encoder import AlignEncoder
from featurizer.encoders.base import TextLoss
from featurizer.encoders.loaded import LoadedEncoder
from featurizer.features.extract import ExtractOptions, extract
from featurizer.features.losses import text_losses
from featurizer.operations.inspect import Inspect
from featurizer.operations.operation import Context
from featurizer.records import ItemRecord
from featurizer.release.card import write_card
from tests.support.color import LetterEncoder, encoders, spec
from tests.support.items import make_catalog

TOLD = (
    "counted_text: 5 of 8 texts (62.5%) are longer than its 9 tokens, and what comes after is not read; "
    "2 of 8 texts (25.0%) are for a quarter or more of tokens that it does not know "
    "(featurizer encoders --language CODE lists those that read a language)"
)


def counted(texts):
    return [TextLoss(cut=len(text) > 9, unknown="?" in text) for text in texts]


def reader(name, losses):
    letters = LetterEncoder(replace(spec(name, "text", 32), preprocessing={"token_limit": 9}))
    return LoadedEncoder(letters.spec, letters.prepare, letters.encode, losses)


@pytest.fixture
def features(tmp_path):
    """Ten items: two without a text, five with one of more than nine letters, two with a question mark."""
    titles = [
        "red mug",
        "a?",
        "blue",
        "a long coat",
        "a longer coat",
        "?" * 10,
        "x" * 10,
        "y" * 11,
        None,
        None,
    ]
    catalog = make_catalog(
        tmp_path / "c", [ItemRecord(f"i{n}", title=title) for n, title in enumerate(titles)]
    )
    used = [*encoders(), reader("counted", counted), reader("silent", None)]
    made = extract(catalog, used, tmp_path / "f", ExtractOptions(shard_rows=3))
    write_card(made)
    return made


def test_texts_that_are_cut_or_unknown_are_counted_over_all_shards(features):
    said = json.loads((features.folder / "feature_set.json").read_text("utf-8"))["spaces"]
    assert (said["counted_text"]["texts_cut"], said["counted_text"]["texts_unknown"]) == (5, 2)
    for space in ("silent_text", "letter_text", "color_image"):
        assert "texts_cut" not in said[space]
        assert features.spaces[space].texts_unknown is None


def test_what_was_counted_is_told_by_inspect_card_and_report(features, tmp_path):
    assert list(text_losses(features)) == [TOLD]
    assert f"\n{TOLD}\n" in Inspect(path=features.folder).run(Context()).text
    assert TOLD.replace("_", "\\_") in (features.folder / "README.md").read_text("utf-8")
    fz.make_report([features], out=tmp_path / "report.html", tsne=False)
    assert TOLD in (tmp_path / "report.html").read_text("utf-8")


def test_a_set_whose_texts_were_read_whole_says_nothing(tmp_path):
    catalog = make_catalog(tmp_path / "c", [ItemRecord("i", title="red mug")])
    made = extract(catalog, [reader("counted", counted)], tmp_path / "f", ExtractOptions())
    assert made.spaces["counted_text"].texts_cut == 0
    assert list(text_losses(made)) == []


@pytest.mark.parametrize("mask", [None, "image", "text"])
def test_an_alignment_counts_what_any_of_its_encoders_of_texts_loses(mask):
    color, _ = encoders()
    others = (color, reader("a", counted), reader("b", lambda texts: [TextLoss(unknown=True) for _ in texts]))
    joint = AlignEncoder(spec("aligned", "both", 2), saved=None, encoders=others, mask=mask)
    if mask == "text":
        assert joint.losses is None
    else:
        assert joint.losses(["x", "a long coat"]) == [
            TextLoss(unknown=True),
            TextLoss(cut=True, unknown=True),
        ]
    assert AlignEncoder(spec("aligned", "both", 2), saved=None, encoders=(color,), mask=None).losses is None
