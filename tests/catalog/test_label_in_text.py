"""A label that the text holds judges no space that has read the text."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from featurizer.catalog.label_in_text import NOTE, marked, share_in_text
from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.ranking.neighbors import Neighbors
from featurizer.records import ItemRecord
from featurizer.report.items import read_words
from featurizer.report.spaces import ReportSpace
from featurizer.report.write import _agreement
from tests.support.items import make_catalog
from tests.support.program import run_program

RECORDS = [
    ItemRecord("a", title="Large cup", brand="Acme", categories=("Home", "Mugs"), extra={"color": "red"}),
    ItemRecord("b", title="Bored cup", brand="Acme", categories=("Home", "Mugs"), extra={"color": "red"}),
    ItemRecord("c", title="Pan", brand="Lumen", categories=("Home", "Pans"), extra={"color": "blue"}),
    ItemRecord("d", title="Blue pan", brand="Lumen", categories=("Home", "Pans"), extra={"color": "blue"}),
]


@pytest.mark.parametrize(
    ("labels", "texts", "share"),
    [
        (["Red", None, "red"], ["A red cup", "x", "bored"], 0.5),
        ([["Home", "Mugs"], ["Home", "Pans"]], ["home: mugs.", "Home only"], 0.5),
        (["T-Shirts"], ["our t-shirts, two"], 1.0),
        ([2024, "a"], ["of 2024", None], 0.5),
        ([None, None], ["a", "b"], 0.0),
        ([""], ["a"], 0.0),
        ([[]], ["a"], 0.0),
    ],
)
def test_a_label_stands_in_a_text_when_all_its_words_do_together(labels, texts, share):
    assert share_in_text(labels, texts) == share


def test_only_a_space_that_reads_text_is_marked():
    assert marked("0.7", "text", 0.5) == marked("0.7", "both", 1.0) == "0.7 *"
    assert marked("0.7", "image", 1.0) == marked("0.7", "text", 0.4) == "0.7"


@pytest.fixture
def shop(tmp_path):
    import pyarrow as pa

    made = make_catalog(tmp_path / "c", RECORDS, extra={"color": pa.string()})
    vectors = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1]], np.float32)
    sides = {"pixel_image": "image", "word_text": "text"}
    write_arrays(
        tmp_path / "f", list("abcd"), [ArraySpace(name, side, vectors) for name, side in sides.items()]
    )
    return made


@pytest.mark.parametrize(("label", "share"), [("categories", 100), ("brand", 100), ("color", 25)])
def test_inspect_says_in_how_many_texts_a_label_stands_and_marks_the_space(
    shop, tmp_path, monkeypatch, capsys, label, share
):
    code, said, _ = run_program(
        monkeypatch, capsys, "inspect", tmp_path / "f", "--label", label, "--catalog", tmp_path / "c"
    )
    assert code == 0
    image, text = (
        next(line for line in said.splitlines()[::-1] if name in line) for name in ("pixel_", "word_")
    )
    assert image.split()[-2:] == ["1", "-"]
    assert text.endswith(f"{share}%")
    assert ("1 *" in text) == (NOTE in said) == (share >= 50)


def test_the_report_marks_such_cells_and_says_why(shop):
    words = read_words([shop], list("abcd"), ["color"])
    near = Neighbors(np.array([[1], [0], [3], [2]]), np.ones((4, 1)))
    there = np.ones(4, bool)
    spaces = [ReportSpace(side, "f", side, 2, there, near, ()) for side in ("image", "text")]
    table = _agreement(SimpleNamespace(words=words, spaces=spaces))
    color, *levels = (level.in_text for level in words.levels)
    assert color == 0.25
    assert set(levels) == {1.0}
    assert NOTE in table.caption
    assert not any("*" in cell for cell in table.rows[0])
    assert [cell.endswith("*") for cell in table.rows[1][4:]] == [False, *[True] * len(levels)]
