"""What makes the program pleasant: typos are answered, commands completed, colors kept to terminals that want them."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from featurizer.cli.app import app
from featurizer.cli.pages import commands, help_text

COLOR = re.compile(r"\x1b\[3\d")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["extract"], "Missing argument 'CATALOG'"),
        (["extrct"], "Did you mean 'extract'"),
        (["run", "quickstart", "--dryrun"], "--dry-run"),
        (["train", "f", "-i", "x", "-o", "y", "--search", "rndom"], "'random'"),
    ],
)
def test_a_wrong_use_exits_with_2_and_names_what_was_likely_meant(arguments, said):
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    assert said in done.stderr


def test_every_command_prints_json_when_asked():
    assert [command for command in commands() if "--json" not in help_text(command)] == []


def test_the_shell_completes_commands_and_options():
    program = Path(sys.executable).with_name("featurizer")
    for typed, word, expected in (
        ("featurizer ex", "1", "export extract"),
        ("featurizer run --dr", "2", "--dry-run"),
        ("featurizer run qui", "2", "quickstart"),
        ("featurizer extract ./catalog --encoder cli", "4", "clip clip-l14"),
        ("featurizer download amazon-2014-b", "2", "amazon-2014-baby"),
    ):
        environment = {
            **os.environ,
            "_FEATURIZER_COMPLETE": "complete_bash",
            "COMP_WORDS": typed,
            "COMP_CWORD": word,
        }
        done = subprocess.run([program], env=environment, capture_output=True, text=True, check=True)
        assert sorted(done.stdout.split()) == expected.split()


@pytest.mark.parametrize("no_color", ["", "1"])
def test_a_terminal_has_bars_in_color_unless_no_color_is_set(no_color):
    out, talk = on_a_terminal(
        "from featurizer.cli.console import progress, result\n"
        "from featurizer.progress import Progress\n"
        "with progress() as report: report(Progress('catalog', 2, 4))\n"
        "result('4 items')",
        NO_COLOR=no_color,
    )
    assert "catalog" in talk
    assert bool(COLOR.search(talk)) == (not no_color)
    assert out == "4 items\n"


def on_a_terminal(code, **environment):
    """Run code with a terminal for its talk; return its result and the talk."""
    control, terminal = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "TERM": "xterm-256color", "FEATURIZER_QUIET": "", **environment},
        stderr=terminal,
        stdout=subprocess.PIPE,
        text=True,
    )
    os.close(terminal)
    talk = ""
    while True:  # read while it runs: a full terminal buffer would stop it
        try:
            part = os.read(control, 65_536)
        except OSError:
            break
        if not part:
            break
        talk += part.decode(errors="replace")
    out, _ = child.communicate(timeout=120)
    os.close(control)
    assert child.returncode == 0, talk
    return out, talk


def test_completing_a_command_imports_nothing_heavy():
    code = (
        "import sys\nfrom featurizer.cli.app import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'pydantic', 'numpy', 'polars', 'torch'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy), file=sys.stderr)"
    )
    environment = {
        **os.environ,
        "_FEATURIZER_COMPLETE": "complete_bash",
        "COMP_WORDS": "featurizer ex",
        "COMP_CWORD": "1",
    }
    program = [sys.executable, "-c", f"import sys; sys.argv = ['featurizer']\n{code}"]
    done = subprocess.run(program, env=environment, capture_output=True, text=True)
    assert sorted(done.stdout.split()) == ["export", "extract"]
    assert done.stderr.splitlines()[-1] == "heavy: []"
