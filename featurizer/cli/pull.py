"""`featurizer pull`: a published feature set or model, brought back."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from featurizer.cli.console import progress, result, result_json, say


def pull(
    repo: Annotated[str, typer.Argument(help="The repository.", metavar="ORG/NAME")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write it into.")],
    revision: Annotated[str, typer.Option(help="A branch, tag or commit.")] = "main",
    model: Annotated[bool, typer.Option("--model", help="It is a model, not a feature set.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace another result in the folder.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Download what 'publish' put on the Hub, at one commit, and check every file against its manifest.

    Example: featurizer pull my-shop/item-features --revision v1 --out ./features
    """
    from featurizer.release.hub import connect
    from featurizer.release.pull import PullOptions
    from featurizer.release.pull import pull as run

    with progress() as report:
        done = run(repo, out, PullOptions(revision, model, overwrite), connect(), report=report)
    if as_json:
        result_json(
            {
                "out": str(out),
                "repo": repo,
                "commit": done.commit,
                "fetched": list(done.fetched),
                "kept": list(done.kept),
                "differing": list(done.differing),
            }
        )
        return
    result(
        f"{out}: {repo} at {done.commit}; {len(done.fetched)} files fetched, {len(done.kept)} there already"
    )
    if done.differing:
        say(
            f"left as they are, though the Hub has others: {', '.join(done.differing)}; --overwrite takes the Hub's"
        )
    if not model:
        say(f"Look inside with: featurizer inspect {shlex.quote(str(out))}")
