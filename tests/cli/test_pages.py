from pathlib import Path

from featurizer.cli.pages import pages

DOCS = Path(__file__).parent.parent.parent / "docs" / "commands"


def test_each_command_has_a_page_that_says_what_its_help_says():
    written = {path.name: path.read_text("utf-8") for path in DOCS.glob("*.md")}
    assert written == pages(), "run: make docs"
