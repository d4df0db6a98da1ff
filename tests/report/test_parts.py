"""The parts of the page: colors, categories, charts, packed data."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from featurizer.ranking.neighbors import Neighbors
from featurizer.report.categories import agreement, kappa, most_telling, read_levels
from featurizer.report.charts.chart import Chart, Point, Series
from featurizer.report.charts.draw import png, svg
from featurizer.report.pack import ABSENT, GRID, page_data, script_json
from featurizer.report.palette import DARK_PAGE, INK, LIGHT_PAGE, OTHER, SERIES
from featurizer.report.score_charts import group_name
from featurizer.report.write import write_figures

LINES = Chart(
    "c", "A <title>", "lines", "epoch", "loss", (Series("$a_b$ & <co>", (Point(1, 0.5), Point(2, 0.25))),)
)
BARS = Chart(
    "b",
    "Bars",
    "bars",
    "items",
    "recall",
    (Series("one", (Point("1", 0.2, 0.1, 0.3), Point("cold", 0.0))), Series("two", (Point("1", 0.4),))),
)
WHISKERS = Chart("i", "Board", "intervals", "space", "recall", BARS.series)


def luminance(color):
    channels = np.array([int(color[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("color", [*SERIES, OTHER])
def test_every_color_stands_out_on_both_pages(color):
    assert contrast(color, LIGHT_PAGE) >= 3
    assert contrast(color, DARK_PAGE) >= 3


def test_levels_that_tell_nothing_apart_are_left_out_and_rare_categories_are_other():
    paths = [("all", f"kind {row % 12}", "x") if row else () for row in range(60)]
    levels = read_levels(paths)
    assert [level.title for level in levels] == ["category level 2"]
    assert levels[0].names[-2:] == ("other", "no category")
    assert len(levels[0].names) == 12
    assert levels[0].names[levels[0].of_item[0]] == "no category"
    rare = [label not in levels[0].names and label is not None for label in levels[0].labels]
    np.testing.assert_array_equal(levels[0].of_item == 10, rare)
    assert any(rare)


def test_without_categories_there_is_one_color():
    assert read_levels([(), ()])[0].names == ("no category",)
    assert read_levels([])[0].of_item.shape == (0,)


def test_agreement_is_the_share_of_items_whose_nearest_has_their_category_beside_chance():
    near = Neighbors(np.array([[1], [0], [3], [0], [-1]]), np.zeros((5, 1)))
    share, chance = agreement(["a", "a", "b", "b", "a"], near)
    assert share == 0.75
    assert chance == pytest.approx((2 * 3 + 2 * 1) / 16)
    assert kappa(share, chance) == pytest.approx((0.75 - 0.5) / 0.5)
    assert agreement([None] * 5, near) is None


def test_the_level_shown_first_is_the_one_that_spaces_keep_together():
    paths = [("ab"[row % 2], "cd"[row // 2]) for row in range(4)]
    near = Neighbors(np.array([[1], [0], [3], [2]]), np.zeros((4, 1)))
    assert most_telling(read_levels(paths), [near]) == 1
    assert most_telling(read_levels(paths), []) == 0


def test_a_level_that_few_items_have_is_not_shown_first():
    paths = [("ab"[row % 2], "cd"[row // 2 % 2]) if row < 4 else ("ab"[row % 2],) for row in range(10)]
    near = Neighbors(np.array([[1], [0], [3], [2], [5], [4], [7], [6], [9], [8]]), np.zeros((10, 1)))
    levels = read_levels(paths)
    assert agreement(levels[1].labels, near) == (1.0, 0.5)
    assert most_telling(levels, [near]) == 0
    assert most_telling(read_levels([("a",), ("b", "x"), ("b", "y"), (), (), (), ()]), [near]) == 0


def test_a_chart_is_a_table_too():
    assert BARS.table.header == ("items", "one", "two")
    assert BARS.table.rows == (("1", "0.2000 (0.1000 to 0.3000)", "0.4000"), ("cold", "0.0000", "-"))
    assert LINES.table.rows == (("1", "0.5000"), ("2", "0.2500"))
    assert "highest 0.4 (two, 1)" in BARS.summary


@pytest.mark.parametrize("chart", [LINES, BARS, WHISKERS])
def test_a_chart_drawn_for_the_page_is_text_in_the_pages_colors(chart):
    drawn = svg(chart)
    assert drawn == svg(chart)
    assert drawn.startswith("<svg")
    assert INK not in drawn
    assert "currentColor" in drawn
    assert not re.search(r"<(style|script|metadata|image)|<co>", drawn)
    for url in re.findall(r'(?:href|src)="([^"]+)"', drawn):
        assert url.startswith("#")


def test_a_chart_drawn_for_a_paper_is_a_png_and_the_same_twice():
    assert png(BARS) == png(BARS)
    assert Image.open(io.BytesIO(png(BARS))).size[0] == 960


def test_figures_are_written_of_every_chart_and_map(shown, tmp_path):
    names = [path.name for path in write_figures(shown, tmp_path)]
    assert len(names) == len(set(names)) == len(shown.charts) + 2 * len(shown.spaces)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_two_folders_whose_names_make_one_file_name_get_a_file_each(shown, tmp_path):
    twice = replace(shown, boards=[*shown.boards, *shown.boards])
    names = [path.name for path in write_figures(twice, tmp_path)]
    assert len(names) == len(set(names)) == len(twice.charts) + 2 * len(shown.spaces)
    assert any(name.endswith("-2.png") for name in names)


def test_json_in_the_page_cannot_end_its_element():
    text = script_json({"title": "</script><!-- & \u2028"})
    assert not set(text) & set("<>&\u2028")
    assert json.loads(text) == {"title": "</script><!-- & \u2028"}


def test_packed_data_hold_neighbors_and_places(shown):
    data = page_data(shown.item_ids, shown.words, shown.pictures, shown.spaces, 0)
    space, packed = shown.spaces[0], data["spaces"][0]
    near = np.frombuffer(base64.b64decode(packed["neighbors"]), "<u2").reshape(-1, packed["many"]).astype(int)
    np.testing.assert_array_equal(np.where(near == ABSENT, -1, near), space.neighbors.items)
    grid = np.frombuffer(base64.b64decode(packed["maps"][0]["points"]), "<u2").reshape(-1, 2)
    np.testing.assert_array_equal((grid != ABSENT).all(1), space.present)
    there, points = grid[space.present].astype(float), space.maps[0].points[space.present]
    scale = np.ptp(points, 0).max() / GRID
    assert np.ptp(there, 0).max() == GRID
    np.testing.assert_allclose(np.diff(there, axis=0) * scale, np.diff(points, axis=0), atol=2 * scale)


def test_groups_are_named_as_they_stand_under_a_bar():
    names = ["items_decile_3", "cold_items", "users_under_4_items"]
    assert [group_name(name) for name in names] == ["3", "cold", "users <4"]
