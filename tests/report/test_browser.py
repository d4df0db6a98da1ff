"""The report as a person uses it, in a real browser that is allowed no request but for the page."""

from __future__ import annotations

from pathlib import Path

import pytest
from material import HOSTILE, ITEMS, WITHOUT_PICTURE, WITHOUT_VECTOR, drawn, item_ids

from tests.support.browser import opened

DESKTOP, PHONE = (1280, 900), (390, 844)


@pytest.fixture
def page(browser, page_file):
    with opened(browser, page_file) as page:
        yield page


def chosen_title(page):
    return page.locator("#chosen .title").inner_text()


def test_every_section_shows_something(page):
    for section in ("overview", "leaderboard", "map", "neighbors", "masks", "training", "long-tail"):
        assert page.locator(f"#{section}").inner_text().strip()
        assert page.locator(f"#{section} .quiet", has_text="See featurizer").count() == 0
    assert page.locator("nav a").count() == page.locator("main > section").count() == 9
    assert page.locator("#leaderboard tbody tr").first.inner_text().count("±") == 4


def test_search_finds_by_title_and_by_id_with_the_keyboard_alone(page):
    field = page.get_by_role("combobox", name="Find an item by title or id")
    field.focus()
    page.keyboard.type("Teapot NUMBER")
    options = page.locator("#found [role=option]")
    wanted = sum(item.look.kind == "teapot" for item in drawn())
    assert options.count() == wanted > 1
    assert page.locator("#search-said").inner_text() == f"{wanted} items found"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    active = field.get_attribute("aria-activedescendant")
    assert page.locator(f"#{active}").get_attribute("aria-selected") == "true"
    wanted = page.locator(f"#{active} .text").evaluate("node => node.firstChild.data")
    page.keyboard.press("Enter")
    assert chosen_title(page) == wanted
    assert field.get_attribute("aria-expanded") == "false"
    field.fill(item_ids()[20].lower())
    page.locator("#found [role=option]").click()
    assert chosen_title(page).endswith("number 20")


def test_escape_closes_the_list_and_nothing_is_found_where_nothing_matches(page):
    field = page.locator("#search")
    field.fill("number")
    assert (
        page.locator("#search-said").inner_text() == f"{ITEMS - len(HOSTILE)} items found, the first 20 shown"
    )
    field.press("Escape")
    assert page.locator("#found").is_hidden()
    field.fill("no such thing")
    assert page.locator("#found").is_hidden()
    assert page.locator("#search-said").inner_text() == "0 items found"


def test_the_explorer_shows_the_nearest_in_every_space_and_leads_on(page, shown):
    pick(page, item_ids()[10])
    assert page.locator("#columns h3").all_inner_texts() == ["eye_image", "word_text", "unified"]
    for number, space in enumerate(shown.spaces):
        column = page.locator("#columns > section").nth(number)
        expected = [shown.item_ids[at] for at in space.neighbors.items[10]]
        assert column.locator("button").evaluate_all("all => all.map(one => one.dataset.item)") == expected
        cosines = column.locator(".cosine").all_inner_texts()
        assert [float(text) for text in cosines] == pytest.approx(space.neighbors.cosines[10], abs=6e-4)
    second = page.locator("#columns button").nth(1)
    wanted = second.get_attribute("title")
    second.click()
    assert chosen_title(page) == wanted


def test_pictures_are_shown_and_missing_ones_said(page):
    pick(page, item_ids()[0])
    assert page.locator("#chosen img").evaluate("image => image.complete && image.naturalWidth") == 96
    pick(page, item_ids()[WITHOUT_PICTURE])
    assert page.locator("#chosen .picture").inner_text() == "no picture"
    pick(page, item_ids()[WITHOUT_VECTOR])
    assert "no vector here" in page.locator("#columns > section").first.inner_text()


def pick(page, item_id):
    page.locator("#search").fill(item_id)
    page.locator("#search").press("Enter")


def test_hovering_the_map_shows_the_item_and_a_click_opens_it(page):
    item = item_ids()[12]
    x, y = page.evaluate("id => featurizerMap.placeOf(id)", item)
    page.locator("#canvas").hover(position={"x": x, "y": y})
    tip = page.locator("#tip")
    assert item in tip.inner_text()
    assert tip.locator("img").count() == 1
    page.locator("#canvas").click(position={"x": x, "y": y})
    assert chosen_title(page).endswith("number 12")
    page.mouse.move(5, 5)
    assert tip.is_hidden()


def test_the_map_is_walked_with_the_keyboard(page):
    page.locator("#canvas").focus()
    page.keyboard.press("ArrowRight")
    first = page.locator("#map-said").inner_text()
    assert page.locator("#tip").is_visible()
    assert first.split(",")[0] == chosen_title(page)
    page.keyboard.press("ArrowUp")
    second = page.locator("#map-said").inner_text()
    assert second != first
    page.keyboard.press("Enter")
    assert second.startswith(chosen_title(page))
    page.keyboard.press("Escape")
    assert page.locator("#tip").is_hidden()


def test_zoom_and_pan_move_the_items(page):
    item = item_ids()[12]
    place = lambda: page.evaluate("id => featurizerMap.placeOf(id)", item)  # noqa: E731
    before = place()
    page.locator("#zoom-in").click()
    assert place() != before
    page.locator("#zoom-reset").click()
    assert place() == before
    box = page.locator("#canvas").bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 100, box["y"] + 60, steps=4)
    page.mouse.up()
    assert place() == pytest.approx([before[0] + 60, before[1] + 20], abs=1)


def test_each_space_has_its_map_and_the_legend_filters(page):
    assert page.locator("#map-space option").all_inner_texts() == ["eye_image", "word_text", "unified"]
    assert page.locator("#map-kind option").all_inner_texts() == ["PCA", "t-SNE"]
    page.locator("#map-space").select_option(label="unified")
    page.locator("#map-kind").select_option(label="PCA")
    assert page.locator("#map-about").inner_text().startswith("unified: first two principal components")
    entry = page.locator("#legend button").first
    before = page.locator("#canvas").screenshot()
    entry.click()
    assert entry.get_attribute("aria-pressed") == "true"
    page.mouse.move(5, 5)
    assert page.locator("#canvas").screenshot() != before


def test_the_colors_are_of_the_chosen_level(page):
    levels = page.locator("#map-level option").all_inner_texts()
    assert levels == ["category level 2", "category level 3"]
    assert page.locator("#map-level").input_value() == "0"
    page.locator("#map-level").select_option(index=1)
    names = page.locator("#legend .name").all_inner_texts()
    assert set(names) == {item.look.color for item in drawn()}
    counts = page.locator("#legend .quiet").all_inner_texts()
    assert sum(map(int, counts)) == ITEMS


def test_the_theme_follows_the_system_until_it_is_chosen(browser, page_file):
    with opened(browser, page_file, color_scheme="dark") as page:
        back = "getComputedStyle(document.body).backgroundColor"
        assert page.evaluate(back) == "rgb(21, 24, 29)"
        button = page.get_by_role("button", name="Theme")
        button.click()
        assert button.inner_text() == "Theme: light"
        assert page.evaluate(back) == "rgb(255, 255, 255)"
        page.reload()
        assert button.inner_text() == "Theme: light"
        button.click()
        assert page.evaluate(back) == "rgb(21, 24, 29)"


def test_hostile_titles_are_shown_as_text_and_run_nothing(page):
    for row, title in HOSTILE.items():
        pick(page, item_ids()[row])
        assert chosen_title(page) == " ".join(title.split())
    assert page.title() == page.locator("h1").inner_text() == "Sample <b>run</b>"
    assert page.evaluate("window.hurt") is None
    assert page.locator("#chosen img[onerror]").count() == 0


def test_a_script_that_is_not_ours_does_not_run(browser, page_file):
    page = browser.new_page()
    page.goto(page_file.as_uri())
    refused = []
    page.on("console", lambda message: refused.append(message.text))
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.hurt = 3'}))"
    )
    assert page.evaluate("window.hurt") is None
    assert "Content Security Policy" in refused[0]
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_fault_of_accessibility_is_found(browser, page_file, scheme):
    import axe_playwright_python

    program = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text("utf-8")
    with opened(browser, page_file, color_scheme=scheme, bypass_csp=True) as page:
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        page.locator("#search").fill("number")
        page.evaluate(program)
        found = page.evaluate("axe.run({ resultTypes: ['violations'] })")
        grave = {
            fault["id"]: fault["nodes"][0]["html"]
            for fault in found["violations"]
            if fault["impact"] in ("serious", "critical")
        }
        assert grave == {}
        assert len(found["passes"]) > 20


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_the_page_is_no_wider_than_the_screen(browser, page_file, size):
    with opened(browser, page_file, size) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == size[0]
        canvas = page.locator("#canvas").bounding_box()
        assert canvas["x"] >= 0
        assert canvas["x"] + canvas["width"] <= size[0]
        assert canvas["height"] >= 300


def test_tables_and_charts_are_there_without_javascript(browser, page_file):
    with opened(browser, page_file, java_script_enabled=False) as page:
        assert "need JavaScript" in page.locator("noscript").inner_text()
        assert page.locator("figure svg").count() >= 6
        assert page.locator("#leaderboard tbody tr").count() >= 5
