"""A report of data that somebody else wrote: every text stays text, nothing runs, nothing is fetched."""

import json

import numpy as np
import pytest

from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.records import ImageRef, ItemRecord
from featurizer.report.gather import gather
from featurizer.report.write import write_report
from tests.support.browser import opened
from tests.support.hostile import HOSTILE
from tests.support.items import make_catalog


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    ids = [f"{text} {row}" for row, text in enumerate(HOSTILE * 2)]
    records = [
        ItemRecord(item, title=text, brand=text, description=text, categories=("All", text), image=ImageRef())
        for item, text in zip(ids, HOSTILE * 2, strict=True)
    ]
    make_catalog(folder / "catalog", records)
    vectors = np.random.default_rng(0).standard_normal((len(ids), 8)).astype(np.float32)
    spaces = [
        ArraySpace(
            text, "text", vectors + number, provenance={"family": text, "model": text, "pooling": text}
        )
        for number, text in enumerate(HOSTILE)
    ]
    write_arrays(folder / "features", ids, spaces, source={"name": HOSTILE[0], "license": HOSTILE[1]})
    row = {
        "metric": "zero_shot_recall", "split": "test", "k": 20, "value": 0.1, "ci_low": 0.05, "ci_high": 0.2,
        "users": 9, "transform": "auto",
    }  # fmt: skip
    scores = [{**row, "feature_set": text, "space": text, "value": n / 100} for n, text in enumerate(HOSTILE)]
    (folder / "scores").mkdir()
    written = {"format_version": 1, "scores": scores, "comparisons": [], "fingerprint": "x", "config": {}}
    (folder / "scores" / "scores.json").write_text(json.dumps(written))
    write_report(gather([folder]), folder / "report.html", title=HOSTILE[2])
    return folder / "report.html"


def test_hostile_rows_run_nothing_and_fetch_nothing(browser, page_file):
    with opened(browser, page_file) as page:
        for space in range(page.locator("#map-space option").count()):
            page.locator("#map-space").select_option(index=space)
        for text in HOSTILE:
            page.locator("#search").fill(text[:12])
            if page.locator("#found [role=option]").count():
                page.locator("#found [role=option]").first.click()
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        assert page.evaluate("window.hurt") is None
        assert page.title() == HOSTILE[2]
        assert (
            page.locator("iframe, base, link:not([href^='data:']), [onerror], [onload], [ontoggle]").count()
            == 0
        )
        addresses = page.eval_on_selector_all("a[href]", "all => all.map(one => one.getAttribute('href'))")
        assert all(address.startswith("#") for address in addresses)
        assert "<script>window.hurt = 1</script>" in page.locator("body").inner_text()
