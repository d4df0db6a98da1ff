"""The command pages of `docs/commands/`, rendered from `--help`: `python -m featurizer.cli.pages docs/commands`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import typer
from typer.testing import CliRunner

from featurizer.cli.app import app


def command_paths() -> Iterator[tuple[str, ...]]:
    """Yield every command, subcommands included: ('datasets',), ('datasets', 'show'), …."""
    yield from _paths(typer.main.get_command(app), ())


def _paths(command: object, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if path:
        yield path
    for name, inner in getattr(command, "commands", {}).items():
        yield from _paths(inner, (*path, name))


def help_text(path: tuple[str, ...]) -> str:
    """Return what `featurizer PATH --help` prints, 100 columns wide."""
    shown = CliRunner().invoke(
        app, [*path, "--help"], prog_name="featurizer", terminal_width=100, env={"COLUMNS": "100"}
    )
    if shown.exit_code:
        raise RuntimeError(f"featurizer {' '.join(path)} --help failed: {shown.output}")
    return "\n".join(line.rstrip() for line in shown.output.strip().splitlines())


def pages() -> dict[str, str]:
    """Return the Markdown page of each top-level command, by file name."""
    found: dict[str, str] = {}
    for path in command_paths():
        page = f"{path[0]}.md"
        heading = f"# featurizer {path[0]}" if len(path) == 1 else f"## featurizer {' '.join(path)}"
        found[page] = found.get(page, "") + f"{heading}\n\n```text\n{help_text(path)}\n```\n\n"
    return {name: text.rstrip() + "\n" for name, text in found.items()}


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
