"""`featurizer report` as a user runs it."""

from __future__ import annotations

import json

import pytest

from tests.support.program import run_program


@pytest.fixture
def call(monkeypatch, capsys):
    def run(*arguments):
        return run_program(monkeypatch, capsys, "report", *arguments)

    return run


def test_the_command_writes_page_and_figures_and_says_so(call, run, tmp_path):
    page, figures = tmp_path / "page.html", tmp_path / "figures"
    given = (run / "catalog", run / "features", "--no-tsne", "--out", page, "--figures", figures, "--json")
    code, out, err = call(*given)
    assert code == 0, err
    said = json.loads(out)
    assert (said["items"], said["spaces"]) == (48, ["eye_image", "word_text"])
    assert said["bytes"] == page.stat().st_size
    assert said["notes"] == ["t-SNE maps were not asked for"]
    assert len(said["figures"]) == len(list(figures.iterdir())) == 2
    again = tmp_path / "again.html"
    code, out, err = call(run / "catalog", run / "features", "--no-tsne", "--out", again)
    assert again.read_bytes() == page.read_bytes()
    assert out.startswith(f"{again}: 0.")
    assert "note: t-SNE maps were not asked for" in err


def test_a_folder_that_holds_nothing_ends_in_one_clear_paragraph(call, tmp_path):
    code, out, err = call(tmp_path, "--out", tmp_path / "page.html")
    assert (code, out) == (1, "")
    assert "expected a catalog, a feature set" in err
    assert not (tmp_path / "page.html").exists()
