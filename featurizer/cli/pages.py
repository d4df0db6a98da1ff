"""The command pages of `docs/commands/`, rendered from `--help`: `python -m featurizer.cli.pages docs/commands`."""

from __future__ import annotations

import sys
from pathlib import Path

from typer.testing import CliRunner

from featurizer.cli.app import RUN, app
from featurizer.operations.registry import COMMANDS


def commands() -> tuple[str, ...]:
    """Return every command, in the order of help."""
    return (*COMMANDS, RUN)


def help_text(command: str) -> str:
    """Return what `featurizer COMMAND --help` prints, 100 columns wide."""
    shown = CliRunner().invoke(
        app, [command, "--help"], prog_name="featurizer", terminal_width=100, env={"COLUMNS": "100"}
    )
    if shown.exit_code:
        raise RuntimeError(f"featurizer {command} --help failed: {shown.output}")
    return "\n".join(line.rstrip() for line in shown.output.strip().splitlines())


def pages() -> dict[str, str]:
    """Return the Markdown page of each command, by file name."""
    return {
        f"{command}.md": f"# featurizer {command}\n\n```text\n{help_text(command)}\n```\n"
        for command in commands()
    }


def main(folder: Path) -> None:
    """Write the pages into `folder` and remove those of commands that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    written = pages()
    for stale in set(folder.glob("*.md")) - {folder / name for name in written}:
        stale.unlink()
    for name, text in written.items():
        (folder / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
