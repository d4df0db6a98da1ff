"""`featurizer doctor`: what this machine has, and what to do about what it lacks."""

from __future__ import annotations

from typing import Annotated

import typer

from featurizer.cli.console import result, result_json, table


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Look at Python, torch, device, threads, memory, disk, the Hub and the extras; advise. Exit 1 if one is broken.

    Example: featurizer doctor
    """
    from featurizer.operations.machine import examine

    checks = list(examine())
    broken = [check for check in checks if check.state == "broken"]
    if as_json:
        told = [
            {"name": check.name, "state": check.state, "found": check.found, "advice": check.advice}
            for check in checks
        ]
        result_json({"ok": not broken, "checks": told})
    else:
        result(table(["", "state", "found"], [[check.name, check.state, check.found] for check in checks]))
        advice = [f"  {check.name}: {check.advice}" for check in checks if check.advice]
        result("\n".join(["\nAdvice:", *advice]) if advice else "\nEverything is in order.")
    if broken:
        raise typer.Exit(1)
