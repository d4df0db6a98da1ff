"""A folder of pictures with captions, laid out as the package tuxpaint-stamps-default has it."""

import numpy as np
import pytest
from PIL import Image

import featurizer as fz
from featurizer.report.gather import gather

STAMPS = {
    "animals/birds/cartoon/duck": "A duck.",
    "animals/birds/blackbird": "A blackbird.",
    "animals/mammals/cow": "A cow.",
    "animals/mammals/horse": "A horse.",
    "food/fruit/cartoon/apple": "An apple.",
    "food/fruit/pear": "A pear.",
    "symbols/alphabets/english/filled/lowercase/a": "The letter ‘a’.",
    "symbols/alphabets/english/filled/uppercase/A": "The letter ‘A’.",
    "town/star": "A star.",
    "town/tree": "A tree.",
}
MIRRORED = "animals/mammals/horse_mirror"


@pytest.fixture
def stamps(tmp_path):
    """Each stamp with its caption in several languages, its rules and its sound; some as drawings, too."""
    folder = tmp_path / "stamps"
    for number, (name, caption) in enumerate(STAMPS.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGBA", (20, 30), (9 * number, 90, 40, 255)).save(f"{path}.png")
        (path.parent / f"{path.name}.txt").write_text(f"{caption}\nde.utf8=Übersetzt.\nfr.utf8=Traduit.\n")
        (path.parent / f"{path.name}.dat").write_text("nomirror\nnoflip\n")
        for sound in (f"{path.name}.wav", f"{path.name}_desc_pt_BR.ogg"):
            (path.parent / sound).write_bytes(b"RIFF")
    (folder / "animals/mammals/cow.svg").write_text("<svg/>")
    Image.new("RGBA", (20, 30), (1, 2, 3, 255)).save(folder / f"{MIRRORED}.png")
    return folder


def test_all_stamps_are_in_with_their_captions_in_the_first_language(stamps, tmp_path):
    made = fz.ingest(stamps, out=tmp_path / "c")
    titles = dict(zip(made.column("item_id").to_pylist(), made.column("title").to_pylist(), strict=True))
    assert titles == {**STAMPS, MIRRORED: None}
    assert set(made.column("image_status").to_pylist()) == {"ok"}
    assert made.manifest.notes == {"ignored_svg_files": 1}
    texts = dict(zip(titles, made.column("text").to_pylist(), strict=True))
    assert texts["animals/birds/cartoon/duck"] == "A duck. animals birds cartoon"
    assert texts[MIRRORED] == "animals mammals"


def test_the_report_opens_on_a_level_that_most_stamps_have(stamps, tmp_path):
    """A few deep folders, which a space keeps apart to perfection, do not stand for all."""
    made = fz.ingest(stamps, out=tmp_path / "c")
    ids = made.column("item_id").to_pylist()
    folders = [item.split("/")[:-1] for item in ids]
    kept_together = [path[2] if len(path) > 2 else path[0] for path in folders]
    axes = sorted(set(kept_together))
    vectors = np.zeros((len(ids), len(axes) + 1), np.float32)
    for row, name in enumerate(kept_together):
        vectors[row, axes.index(name)] = 1
        vectors[row, -1] = row / 100
    fz.from_arrays(ids, {"mine": vectors}, modality="image", out=tmp_path / "f")
    shown = gather([tmp_path / "c", tmp_path / "f"], tsne=False)
    opening = shown.words.levels[shown.level]
    labeled = sum(label is not None for label in opening.labels)
    assert (opening.title, labeled) == ("category level 1", len(ids))
