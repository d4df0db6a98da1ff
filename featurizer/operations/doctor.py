"""The command `doctor`: what this machine has, and what to do about what it lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from featurizer.operations.operation import Context, Operation, Outcome
from featurizer.operations.text import table

if TYPE_CHECKING:
    from featurizer.operations.machine import Check


class Doctor(Operation):
    """Look at Python, torch, device, threads, memory, disk, the Hub and the extras; advise. Exit 1 if one is broken.

    Example: featurizer doctor
    """

    def run(self, context: Context) -> Outcome[list[Check]]:
        """Look at everything."""
        from featurizer.operations.machine import examine

        checks = list(examine())
        broken = [check for check in checks if check.state == "broken"]
        lines = [table(["", "state", "found"], [[check.name, check.state, check.found] for check in checks])]
        advice = [f"  {check.name}: {check.advice}" for check in checks if check.advice]
        lines += ["\nAdvice:", *advice] if advice else ["\nEverything is in order."]
        told = [
            {"name": check.name, "state": check.state, "found": check.found, "advice": check.advice}
            for check in checks
        ]
        return Outcome(
            checks,
            f"{len(checks)} things looked at, {len(broken)} broken",
            "\n".join(lines),
            {"ok": not broken, "checks": told},
            code=1 if broken else 0,
        )
