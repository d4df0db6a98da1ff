"""What a run would do: each step done, stale or to do, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from featurizer.errors import InputError, UnknownName
from featurizer.operations.standing import look
from featurizer.recipes.recipe import Recipe
from featurizer.recipes.step import Step
from featurizer.results.state import State as RunState

State: TypeAlias = Literal["done", "stale", "damaged", "to do", "left out"]


@dataclass(frozen=True, slots=True)
class Planned:
    """A step and what would become of it.

    Attributes:
        step: the step.
        state: `done`: finished, as it is asked for now; `stale`: finished, but of other options or inputs;
            `damaged`: finished, and its files are not what they were; `to do`: not finished; `left out`: not chosen.
        why: in a few words.
        remembered: of it, where it is finished.
    """

    step: Step
    state: State
    why: str = ""
    remembered: RunState | None = None


def planned(step: Step) -> Planned:
    """Say how a step stands now."""
    found = look(step.operation, planning=True)
    if found.standing in ("stale", "damaged") and step.operation.rewrites:
        return Planned(step, "to do", "written again: what it reads has changed", found.state)
    return Planned(step, found.standing, found.why, found.state)


def plan(recipe: Recipe, *, start: str | None = None, only: str | None = None) -> list[Planned]:
    """Say how every step stands.

    A step that is done stays so in the plan though one it reads from is to do: whether that changes anything is
    seen when it is reached. Below a stale step, everything that reads from it is stale.

    Args:
        recipe: the recipe.
        start: leave out the steps above this one.
        only: leave out all but this one.

    Raises:
        UnknownName: there is no step of that name.
    """
    names = chosen(recipe, start=start, only=only)
    found: list[Planned] = []
    outdated: set[str] = set()
    for step in recipe.steps:
        if step.name not in names:
            found.append(Planned(step, "left out"))
            continue
        one = planned(step)
        from_stale = [name for name in step.after if name in outdated]
        if one.state == "done" and from_stale and not step.operation.rewrites:
            one = Planned(step, "stale", f"reads from {', '.join(from_stale)}", one.remembered)
        if one.state == "stale":
            outdated.add(step.name)
        found.append(one)
    return found


def chosen(recipe: Recipe, *, start: str | None, only: str | None) -> Sequence[str]:
    """Return the names of the steps that a run is about.

    Raises:
        UnknownName: there is no step of that name.
    """
    names = [step.name for step in recipe.steps]
    for name in (start, only):
        if name is not None and name not in names:
            wanted = recipe.left_out.get(name)
            advice = f"It is left out while the variable {wanted} has no value." if wanted else ""
            raise UnknownName("step", name, names, advice=advice)
    below = names[names.index(start) :] if start is not None else names
    if only is not None and only not in below:
        raise InputError(
            f"only step {only} was asked for, and from step {start}, which stands below it; give one"
        )
    return below if only is None else [only]
