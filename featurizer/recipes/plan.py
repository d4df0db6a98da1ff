"""What a run would do: each step done, stale or to do, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from featurizer.errors import InputError, UnknownName
from featurizer.recipes.recipe import Recipe
from featurizer.recipes.record import Record, asked, made, read_record
from featurizer.recipes.step import Step
from featurizer.records import Json
from featurizer.results.stage import differing_keys

State: TypeAlias = Literal["done", "stale", "to do", "left out"]


@dataclass(frozen=True, slots=True)
class Planned:
    """A step and what would become of it.

    Attributes:
        step: the step.
        state: `done`: finished, as it is asked for now; `stale`: finished, but of other options or inputs;
            `to do`: not finished; `left out`: not chosen.
        why: in a few words.
        record: what is remembered of it.
    """

    step: Step
    state: State
    why: str = ""
    record: Record | None = None


def look(step: Step) -> Planned:
    """Say how a step stands now."""
    there, record = made(step), read_record(step)
    if any(found is None for found in there):
        begun = "begun" if step.out.is_dir() and any(step.out.iterdir()) else ""
        return Planned(step, "to do", begun if record is None else "what it made is gone")
    if record is None:
        return Planned(step, "to do", "its folder is looked at when it is reached" if there else "")
    differing = differing_keys(record.asked, _as_before_where_gone(asked(step), record.asked))
    if differing and step.work.rewrites:
        return Planned(step, "to do", "written again: what it reads has changed", record)
    if differing:
        return Planned(step, "stale", "differing: " + ", ".join(differing), record)
    if there != record.made:
        return Planned(step, "to do", "its folder has changed since", record)
    return Planned(step, "done", "", record)


def _as_before_where_gone(now: dict[str, Json], before: dict[str, Json]) -> dict[str, Json]:
    """Suppose that what is read and is not there just now will be made again as it was."""
    old, new = before.get("reads"), now["reads"]
    if not isinstance(old, dict) or not isinstance(new, dict):
        return now
    return {**now, "reads": {field: _each(entries, old.get(field)) for field, entries in new.items()}}


def _each(now: Json, before: Json) -> Json:
    if not isinstance(now, list) or not isinstance(before, list) or len(now) != len(before):
        return now
    return [
        old if isinstance(new, dict) and new.get("content") is None else new
        for new, old in zip(now, before, strict=True)
    ]


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
    planned: list[Planned] = []
    outdated: set[str] = set()
    for step in recipe.steps:
        if step.name not in names:
            planned.append(Planned(step, "left out"))
            continue
        found = look(step)
        from_stale = [name for name in step.after if name in outdated]
        if found.state == "done" and from_stale and not step.work.rewrites:
            found = Planned(step, "stale", f"reads from {', '.join(from_stale)}", found.record)
        if found.state == "stale":
            outdated.add(step.name)
        planned.append(found)
    return planned


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
