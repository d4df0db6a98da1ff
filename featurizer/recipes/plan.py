"""What a run would do: each step done, stale or to do, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from featurizer.errors import FeaturizerError, InputError, UnknownName
from featurizer.operations.operation import FolderOperation
from featurizer.operations.standing import Standing, look
from featurizer.recipes.recipe import Recipe
from featurizer.recipes.step import Step

Plan: TypeAlias = Sequence[tuple[Step, Standing]]
"""The steps in order, each with how it stands."""


def planned(step: Step) -> Standing:
    """Say how a step stands now."""
    found = look(step.operation, planning=True)
    if found.standing in ("stale", "damaged") and step.operation.rewrites:
        return Standing("to do", "written again: what it reads has changed", found.state)
    if found.standing == "stale" and updates(step):
        return Standing("to do", f"brought up to date; {found.why}", found.state)
    return found


def updates(step: Step) -> bool:
    """Say whether a finished step of other options or inputs is brought up to date."""
    return isinstance(step.operation, FolderOperation) and step.operation.updates()


def follows(step: Step, recipe: Sequence[Step]) -> bool:
    """Say whether a step reads, by way of others too, from one that is brought up to date."""
    above = {one.name: one for one in recipe}
    read = [above[name] for name in step.after if name in above]
    return any(updates(one) or follows(one, recipe) for one in read)


def made_again(step: Step, found: Standing, recipe: Sequence[Step]) -> bool:
    """Say whether a step is stale in what it reads alone, below a step that is brought up to date."""
    only_read = all(key.startswith("reads.") for key in found.differing)
    return found.standing == "stale" and only_read and follows(step, recipe)


def plan(recipe: Recipe, *, start: str | None = None, only: str | None = None) -> Plan:
    """Say how every step stands, and refuse what will not do when it is reached.

    A step that is done stays so in the plan though one it reads from is to do, as long as that is made again as it
    was; below one that is brought up to date it is to do: whether that changes anything is seen when it is reached.
    Below a stale step, everything that reads from it is stale.

    Args:
        recipe: the recipe.
        start: leave out the steps above this one.
        only: leave out all but this one.

    Raises:
        UnknownName: there is no step of that name.
        InputError: an option of a step that would be run will not do.
    """
    names = chosen(recipe, start=start, only=only)
    found: dict[str, Standing] = {}
    changing: list[str] = []
    for step in recipe.steps:
        one = planned(step) if step.name in names else Standing("left out")
        from_stale = [name for name in step.after if name in found and found[name].standing == "stale"]
        again = made_again(step, one, recipe.steps)
        if again:
            one = Standing("to do", f"made again from what is up to date; {one.why}", one.state)
        if one.standing == "done" and from_stale and not step.operation.rewrites:
            one = Standing("stale", f"reads from {', '.join(from_stale)}", one.state)
        above = [name for name in step.after if name in changing]
        if one.standing == "done" and above:
            one = Standing("to do", f"made again if {' or '.join(above)} becomes another", one.state)
        if one.standing == "to do" and (above or again or updates(step)):
            changing.append(step.name)
        if one.standing not in ("done", "left out"):
            _precheck(step)
        found[step.name] = one
    return [(step, found[step.name]) for step in recipe.steps]


def _precheck(step: Step) -> None:
    try:
        step.operation.precheck()
    except FeaturizerError as error:
        raise InputError(f"step {step.name}: {error}") from error


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
