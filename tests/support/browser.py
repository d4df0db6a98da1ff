"""A real browser, and pages opened in it that may ask for nothing."""

from __future__ import annotations

import shutil
from contextlib import contextmanager

import pytest


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium; the tests that need one are skipped where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no chromium on the path; on Debian, apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        opened.close()


@contextmanager
def opened(browser, page_file, size=(1280, 900), also=(), **context):
    """Open a file; fail if it logs an error, throws, or asks for anything but itself and `also`."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **context)
    page, faults = context.new_page(), []
    allowed = {path.as_uri() for path in (page_file, *also)}
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: faults.append(f"dialog: {dialog.message}"))

    def gate(route):
        if route.request.url in allowed:
            route.continue_()
        elif not route.request.url.startswith("data:"):
            faults.append(route.request.url)
            route.abort()

    page.route("**/*", gate)
    page.goto(page_file.as_uri())
    yield page
    context.close()
    assert faults == []
