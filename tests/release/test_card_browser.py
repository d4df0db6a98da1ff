"""A card of data that somebody else wrote, as HTML without any sanitizer, in a real browser."""

import html
import json

import numpy as np
import pytest
from markdown_it import MarkdownIt

from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.features.feature_set import FeatureSet
from featurizer.release.card import write_card
from featurizer.release.model import render_model_card
from featurizer.results.files import write_json
from tests.support.browser import opened
from tests.support.hostile import HOSTILE
from tests.support.manifests import alignment_manifest


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    folder = tmp_path_factory.mktemp("card") / "f"
    ids = [f"{text} {row}" for row, text in enumerate(HOSTILE * 2)]
    vectors = np.random.default_rng(0).standard_normal((len(ids), 8)).astype(np.float32)
    taught = {"interactions": HOSTILE[0], "items": 2}
    spaces = [
        ArraySpace(
            text, "both", vectors + number,
            provenance={
                "family": text, "model": text, "pooling": text, "source": text, "revision": text, "license": text,
                "weight_hash": text, "preprocessing": {text: text}, "supervised": taught,
            },
        )
        for number, text in enumerate(HOSTILE)
    ]  # fmt: skip
    told = dict.fromkeys(("name", "title", "license", "terms", "citation", "homepage"))
    made = write_arrays(folder, ids, spaces, source={key: HOSTILE[n] for n, key in enumerate(told)})
    changed = {
        "failures": dict.fromkeys(HOSTILE, 1), "device": HOSTILE[2], "libraries": dict.fromkeys(HOSTILE, HOSTILE[3]),
        "requests": HOSTILE, "text_recipe": {"template": HOSTILE[7], "version": 1},
    }  # fmt: skip
    write_json(folder / "feature_set.json", {**made.manifest.document(), **changed})
    row = {"metric": "zero_shot_recall", "split": "test", "k": 20, "ci_low": 0.05, "ci_high": 0.2, "users": 9}
    scores = [
        {**row, "feature_set": text, "space": text, "transform": text, "value": n / 100}
        for n, text in enumerate(HOSTILE)
    ]
    (folder / "scores.json").write_text(json.dumps({"scores": scores, "date": HOSTILE[4]}))
    write_card(FeatureSet.open(folder), titles=dict(zip(ids, HOSTILE * 2, strict=True)))
    return folder


def page_of(card, path):
    """Write a card as the most trusting reader shows it: HTML in Markdown is let through."""
    body = card.split("---\n", 2)[2]
    drawn = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(body)
    path.write_text(f"<!doctype html><meta charset=utf-8><title>card</title>{drawn}", "utf-8")
    return path


def safe(page):
    """Assert that nothing ran, that nothing leads elsewhere, and that there is no element but a card's own."""
    assert page.evaluate("window.hurt") is None
    assert page.locator("a, script, iframe, style, link, base, svg, details, form").count() == 0
    names = "all => [...new Set(all.flatMap(one => one.getAttributeNames()))]"
    assert set(page.eval_on_selector_all("body *", names)) <= {"class", "src", "alt"}


def test_a_hostile_set_has_a_card_that_runs_nothing_and_fetches_its_own_figure_alone(browser, features):
    card = (features / "README.md").read_text("utf-8")
    file = page_of(card, features / "card.html")
    with opened(browser, file, also=[features / "scores.png"]) as page:
        safe(page)
        assert page.locator("img").evaluate_all("all => all.map(one => one.getAttribute('src'))") == [
            "scores.png"
        ]
        assert page.locator("img").evaluate("image => image.complete && image.naturalWidth") > 100
        assert page.locator("h2").count() == card.count("\n## ")
        shown = " ".join(page.locator("body").inner_text().split())
        for text in HOSTILE[:6]:
            assert " ".join(html.unescape(text).split()) in shown or " ".join(text.split()) in shown


def test_a_hostile_model_has_a_card_that_runs_nothing_and_fetches_nothing(browser, tmp_path):
    folder = tmp_path / "ica" / "model"
    folder.mkdir(parents=True)
    config = {text: text for text in HOSTILE}
    accuracy = alignment_manifest({})["masked_accuracy"][0]
    told = {"license": HOSTILE[1], "masked_accuracy": [{**accuracy, "side": text} for text in HOSTILE]}
    write_json(folder / "manifest.json", alignment_manifest(config, **told))
    file = page_of(render_model_card(tmp_path / "ica"), tmp_path / "card.html")
    with opened(browser, file) as page:
        page.evaluate(
            "document.querySelectorAll('a[href^=\"https://pypi.org/\"]').forEach(one => one.remove())"
        )
        safe(page)
