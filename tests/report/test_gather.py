"""What a report takes from folders, and what it says of what is not there."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from material import ITEMS, WITHOUT_PICTURE, item_ids
from PIL import Image

from featurizer.errors import InputError
from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.features.feature_set import FeatureSet
from featurizer.records import ItemRecord
from featurizer.report.folders import open_folders
from featurizer.report.gather import gather
from featurizer.report.projection import project
from featurizer.report.sample import draw_sample
from featurizer.report.scores import read_boards
from featurizer.report.spaces import make_spaces
from featurizer.report.thumbnails import make_thumbnails
from featurizer.report.write import write_report
from featurizer.scoring.document import Entry
from tests.support.items import make_catalog


def small_set(folder, rows, seed=0, name="x_image"):
    vectors = np.random.default_rng(seed).standard_normal((rows, 5)).astype(np.float32)
    ids = [f"i{row:03d}" for row in range(rows)]
    return write_arrays(folder, ids, [ArraySpace(name, "image", vectors)])


def test_folders_of_results_are_looked_into_one_level(run):
    found = open_folders([run])
    root = run.name
    assert list(found.catalogs) == [f"{root}/catalog"]
    assert list(found.feature_sets) == [f"{root}/features", "ica/features"]
    assert list(found.scores) == [f"{root}/scores"]
    assert found.models == {f"{root}/ica": run / "ica/model", f"{root}/model": run / "model/model"}
    assert open_folders([run, run / "ica/model"]).feature_sets == found.feature_sets


@pytest.mark.parametrize(
    ("name", "message"), [("nowhere", "is no folder"), ("empty", "holds no catalog.json")]
)
def test_a_folder_with_nothing_to_show_is_refused(tmp_path, name, message):
    (tmp_path / "empty" / "inner").mkdir(parents=True)
    with pytest.raises(InputError, match=message):
        open_folders([tmp_path / name])


def test_a_space_that_two_sets_hold_is_shown_once_and_one_of_other_vectors_twice(shown, tmp_path):
    assert [space.name for space in shown.spaces] == ["eye_image", "word_text", "unified"]
    assert any("holds the same vectors" in note for note in shown.notes)
    sets = {name: small_set(tmp_path / name, 9, seed) for seed, name in enumerate(("one", "two"))}
    spaces, notes = make_spaces(sets, draw_sample(sets.values(), 99, 0)[0], 0, tsne=False)
    assert [space.name for space in spaces] == ["x_image", "x_image (two)"]
    assert notes == []


def test_the_first_screen_says_which_space_to_use(shown, tmp_path):
    assert [sentence.split(":")[0] for sentence in shown.use] == [
        "Items with a history",
        "Items of which 50% lack their image",
        "Items of which 50% lack their text",
    ]
    assert "zero-shot R@5" in shown.use[0]
    write_report(shown, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page.index("Which space to use") < page.index('id="leaderboard"')


def test_trained_recommenders_are_told_beside_the_best_space_alone(shown):
    (board,) = shown.boards
    longer = tuple(replace(one, k=20) for one in board.scores)
    trained = [one for one in shown.models if one.recommender is not None]
    known = [
        replace(one, manifest=one.manifest.model_copy(update={"test": {"recall@20": 0.5}})) for one in trained
    ]
    told = replace(shown, boards=[replace(board, scores=longer)], models=known).use
    best = max(one.value for one in board.scores if one.metric == "zero_shot_recall" and one.is_headline)
    assert len(told) == len(board.use) + len(trained)
    assert f"finds test Recall@20 0.5000, the best space alone, untrained, {best:.4f}" in told[-1]


def test_a_sample_is_seeded_and_said(tmp_path):
    made = small_set(tmp_path / "one", 40)
    first, again, other = (draw_sample([made], 10, seed) for seed in (0, 0, 1))
    assert first == again != other
    assert (len(first[0]), first[1]) == (10, 40)
    notes = gather([tmp_path / "one"], items=10, tsne=False).notes
    assert any("a sample of 10 of the 40 items (seed 0)" in note for note in notes)
    assert any("no catalog among the folders" in note for note in notes)


def test_an_item_of_one_set_alone_has_no_vector_in_the_other(tmp_path):
    sets = {"one": small_set(tmp_path / "one", 4), "two": small_set(tmp_path / "two", 6, 1, "y_image")}
    spaces, _ = make_spaces(sets, draw_sample(sets.values(), 99, 0)[0], 0, tsne=False)
    assert [space.present.sum() for space in spaces] == [4, 6]
    assert (spaces[0].neighbors.items[4:] == -1).all()
    assert np.isnan(spaces[0].maps[0].points[4:]).all()


def test_maps_take_the_colors_of_a_label_where_items_have_no_category(tmp_path):
    small_set(tmp_path / "set", 8)
    labels = ["red", "red", "blue", None]
    records = [ItemRecord(f"i{row:03d}", extra={"color": labels[row % 4], "size": 1}) for row in range(8)]
    make_catalog(tmp_path / "items", records, extra={"color": pa.string(), "size": pa.int64()})
    bare = gather([tmp_path], tsne=False)
    assert any(
        "the maps have one color. Name a column with --label, one of color, size" in note
        for note in bare.notes
    )
    shown = gather([tmp_path], tsne=False, labels=("color", "size"))
    assert [level.title for level in shown.words.levels] == ["color", "size"]
    colors = shown.words.levels[0]
    assert [colors.names[at] for at in colors.of_item[:4]] == ["red", "red", "blue", "no category"]
    assert shown.words.levels[1].labels == ("1",) * 8
    assert not any("one color" in note for note in shown.notes)
    with pytest.raises(InputError, match=r"has no column 'hue'; it has .*color"):
        gather([tmp_path], tsne=False, labels=("hue",))


def test_a_label_stands_beside_the_levels_of_the_tree(run):
    levels = gather([run / "catalog", run / "features"], tsne=False, labels=("title",)).words.levels
    assert [level.title for level in levels] == ["title", "category level 2", "category level 3"]


def test_pictures_shrink_and_then_are_left_out_to_keep_the_budget(run, shown):
    catalogs = list(shown.folders.catalogs.values())
    for budget, side in ((10**7, 96), (45_000, 56), (15_000, 44)):
        pictures, left_out = make_thumbnails(catalogs, item_ids(), budget, 0)
        assert max(map(longest_side, pictures.values())) == side
        assert sum(map(len, pictures.values())) <= budget
    assert left_out > 0
    assert len(pictures) + left_out == ITEMS - 2
    assert item_ids()[WITHOUT_PICTURE] not in pictures
    assert (pictures, left_out) == make_thumbnails(catalogs, item_ids(), 15_000, 0)


def longest_side(picture):
    return max(Image.open(io.BytesIO(base64.b64decode(picture))).size)


def test_scores_that_all_stand_in_another_file_are_shown_once(run, tmp_path):
    whole = json.loads((run / "scores/scores.json").read_text())
    part = tmp_path / "part.json"
    part.write_text(json.dumps({"scores": whole["scores"][:20]}))
    boards = read_boards({"part": part, "whole": run / "scores/scores.json"})
    assert [board.label for board in boards] == ["whole"]
    assert boards[0].order[0] == Entry("features", "eye_image+word_text", "auto")


def test_scores_of_another_program_are_refused(tmp_path):
    bad = tmp_path / "scores.json"
    bad.write_text('{"scores": [{"metric": "recall"}]}')
    with pytest.raises(InputError, match="expected what 'featurizer score-features' writes"):
        read_boards({"bad": bad})


def test_maps_are_the_same_for_the_same_seed():
    units = np.random.default_rng(0).standard_normal((30, 4)).astype(np.float32)
    there = np.ones(30, bool)
    first, again = (list(project(units, there, 3, tsne=True)) for _ in range(2))
    assert [one.name for one in first] == ["PCA", "t-SNE"]
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.points, other.points)
        assert np.isfinite(one.points).all()


def test_of_more_items_than_it_can_look_at_t_sne_shows_a_seeded_sample_and_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr("featurizer.report.projection.MOST", 12)
    monkeypatch.setattr("featurizer.report.spaces.MOST", 12)
    units = np.random.default_rng(0).standard_normal((30, 4)).astype(np.float32)
    there = np.arange(30) > 4
    units[~there] = 0
    (pca, first), (_, again), (_, other) = (
        list(project(units, there, seed, tsne=True)) for seed in (3, 3, 4)
    )
    assert "of a sample of 12 of the 25 items (seed 3)" in first.about
    assert "sample" not in pca.about
    shown = np.isfinite(first.points).all(1)
    assert (shown.sum(), (shown & ~there).sum(), np.isfinite(pca.points).all(1).sum()) == (12, 0, 25)
    np.testing.assert_array_equal(first.points, again.points)
    assert (shown != np.isfinite(other.points).all(1)).any()
    write_arrays(tmp_path, [f"i{row}" for row in range(30)], [ArraySpace("mine", "image", units, there)])
    notes = gather([tmp_path]).notes
    assert "mine: t-SNE shows a sample of 12 of its 25 items (seed 0)" in notes


def test_vectors_that_are_all_alike_have_no_map():
    alike = np.ones((5, 3), np.float32)
    assert list(project(alike, np.ones(5, bool), 0, tsne=True)) == []
    assert [one.name for one in project(np.eye(3, dtype=np.float32), np.ones(3, bool), 0, tsne=True)] == [
        "PCA",
        "t-SNE",
    ]
    line = np.arange(4, dtype=np.float32)[:, None]
    pca, tsne = project(line, np.ones(4, bool), 0, tsne=True)
    assert pca.points[:, 1].tolist() == [0, 0, 0, 0]
    assert np.isfinite(tsne.points).all()


def test_a_page_of_one_feature_set_says_what_it_lacks(tmp_path):
    small_set(tmp_path / "one", 5)
    write_report(gather([tmp_path / "one"], tsne=False), tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text("utf-8")
    for said in (
        "No scores are among",
        "No scores of masked modalities",
        "No trained model is",
        "Neither scores nor",
    ):
        assert said in text
    assert FeatureSet.open(tmp_path / "one").rows == 5


def test_a_single_item_has_nothing_to_be_compared_with_and_the_page_says_so(tmp_path):
    small_set(tmp_path / "one", 1)
    write_report(gather([tmp_path / "one"], tsne=False), tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text("utf-8")
    assert "No space has two items with a vector" in text
    assert "No feature set is among the folders" not in text
    assert 'id="data"' not in text


def test_a_folder_is_no_place_to_write_a_page_to(shown, tmp_path):
    with pytest.raises(InputError, match="expected a file to write"):
        write_report(shown, tmp_path)
