"""Every snippet of the README and the how-tos is run, in order, in one empty folder a page."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EVERY = ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]
PAGES = [
    "README.md",
    "docs/own-catalog.md",
    "docs/add-an-encoder.md",
    "docs/add-a-recommender.md",
    "docs/add-a-scorer.md",
    "docs/add-an-export-format.md",
    "docs/recipes.md",
    "docs/python.md",
    "docs/verify.md",
]
LONG_PAGES = ["docs/training.md"]
"""Of these, minutes long."""
BLOCK = re.compile(r"(<!-- not run: [^>]+ -->\n)?```(bash|python)\n(.*?)```", re.DOTALL)


def snippets(page):
    return [
        (kind, code) for skipped, kind, code in BLOCK.findall((ROOT / page).read_text("utf-8")) if not skipped
    ]


@pytest.mark.parametrize(
    "page", [*PAGES, *(pytest.param(page, marks=pytest.mark.slow) for page in LONG_PAGES)]
)
@pytest.mark.timeout(900)  # real encoders, one program after another
def test_every_snippet_runs(page, tmp_path):
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HF_HUB_OFFLINE": "1",
    }
    shell = "\n".join(code for kind, code in snippets(page) if kind == "bash")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", shell],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    python = "\n".join(code for kind, code in snippets(page) if kind == "python")
    done = subprocess.run(
        [sys.executable, "-c", python], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_a_snippet_that_is_not_run_says_why():
    assert [page for page in EVERY if page not in [*PAGES, *LONG_PAGES] and snippets(page)] == []


def test_links_lead_to_files_that_are_there():
    for page in EVERY:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / page).read_text("utf-8")):
            assert (ROOT / page).parent.joinpath(target).exists(), f"{page}: {target}"


def test_the_readme_opens_with_the_two_commands():
    text = (ROOT / "README.md").read_text("utf-8")
    assert text.index("make demo") < text.index("make test") < text.index("## ")


def test_the_readme_has_a_line_for_every_room():
    tree = (ROOT / "README.md").read_text("utf-8").split("## The rooms")[1].split("```")[1]
    told = re.findall(r"^ *([a-z_]+)/ ", tree, re.MULTILINE)
    rooms = {path.name for path in (ROOT / "featurizer").iterdir() if (path / "__init__.py").is_file()}
    assert rooms <= set(told)
    assert all((ROOT / name).is_dir() or name in rooms for name in told)


def test_the_volatile_fields_are_those_of_the_page():
    from featurizer.results.state import VOLATILE

    told = (
        (ROOT / "docs/formats.md").read_text("utf-8").split("**Volatile fields.**")[1].split("The report")[0]
    )
    assert set(re.findall(r"`(\w+)`", told)) == VOLATILE


def test_the_diffs_of_contributing_apply(tmp_path):
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    diffs = re.findall(r"```diff\n(.*?)```", text, re.DOTALL)
    assert len(diffs) == 3
    for number, diff in enumerate(diffs):
        patch = tmp_path / f"{number}.diff"
        patch.write_text(diff)
        done = subprocess.run(
            ["git", "apply", "--check", "--unsafe-paths", f"--directory={ROOT}", str(patch)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
