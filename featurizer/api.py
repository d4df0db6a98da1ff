"""The Python front door: a function a command, made from its operation; `import featurizer` offers them lazily."""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from featurizer.errors import InputError
from featurizer.operations.registry import COMMANDS, function_of, operation

if TYPE_CHECKING:
    import numpy as np

    from featurizer.alignment.align import Aligned
    from featurizer.catalog.store import Catalog
    from featurizer.features.feature_set import FeatureSet
    from featurizer.ica.pretrain import Pretrained
    from featurizer.operations.operation import Context, Operation
    from featurizer.operations.options import Option
    from featurizer.recipes.run import Finished
    from featurizer.recipes.step import Step
    from featurizer.recsys.model import Model
    from featurizer.scoring.board import Leaderboard

logger = logging.getLogger("featurizer")


def from_arrays(
    ids: Sequence[str],
    vectors: Mapping[str, np.ndarray],
    *,
    modality: Literal["image", "text", "both"] | Mapping[str, Literal["image", "text", "both"]],
    out: str | Path,
    dtype: Literal["float32", "float16"] = "float32",
    license: str | None = None,
    source: str | None = None,
    overwrite: bool = False,
) -> FeatureSet:
    """Make a feature set of one's own vectors, to score, compare, train on or publish.

    Args:
        ids: n item ids, all different, in the order of the rows.
        vectors: (n, d) float arrays by the name of their space; a row of NaN is an item without a vector.
        modality: what the vectors were made from, of all spaces or by name.
        out: folder to write the set into.
        dtype: what vectors are stored in.
        license: of the vectors' source, an SPDX id; recorded.
        source: where the vectors come from; recorded.
        overwrite: replace what the folder holds.

    Raises:
        InputError: ids repeat, or a vector is infinite or NaN in part.
        ShapeMismatch: an array has another number of rows than there are ids.
        StaleOutput: the folder holds something else.
    """
    from featurizer.features.arrays import ArraySpace, write_arrays
    from featurizer.release.card import write_card
    from featurizer.results.store_path import place
    from featurizer.values import as_ids

    if not isinstance(vectors, Mapping):
        raise InputError(
            f"found a {type(vectors).__name__}, expected the arrays by the name of their space: {{'mine': array}}"
        )
    spaces = []
    for name, given in vectors.items():
        rows, present = _rows(given)
        made_from = modality if isinstance(modality, str) else modality.get(name)
        spaces.append(ArraySpace(name, _check_space(name, made_from), rows, present))
    given_source = {"name": source, "license": license}
    known = {key: value for key, value in given_source.items() if value}
    made = write_arrays(
        place(out), as_ids(ids, "from_arrays"), spaces, source=known, dtype=dtype, overwrite=overwrite
    )
    write_card(made)
    return made


def _check_space(name: str, made_from: str | None) -> str:
    from featurizer.encoders.naming import NAME

    if not NAME.fullmatch(name):
        raise InputError(f"a space cannot be called {name!r}; expected letters, digits, '.', '_' and '-'")
    if made_from not in ("image", "text", "both"):
        raise InputError(f"the modality of {name}: found {made_from!r}, expected image, text or both")
    return made_from


def open_folder(folder: str | Path) -> Catalog | FeatureSet | Leaderboard | Model | Pretrained | Aligned:
    """Open what any command made: a catalog, a feature set, scores, a trained model, an alignment.

    Raises:
        InputError: the folder holds none of them, or it is not finished.
    """
    from featurizer.alignment.align import Aligned
    from featurizer.catalog.store import Catalog
    from featurizer.features.feature_set import FeatureSet
    from featurizer.ica.pretrain import open_pretrained
    from featurizer.recsys.model import Model
    from featurizer.results.names import CATALOG, FEATURE_SET, MODEL, SCORES
    from featurizer.results.spelling import read_manifest
    from featurizer.results.store_path import place
    from featurizer.scoring.board import Leaderboard

    found = place(folder)
    if (found / FEATURE_SET).is_file():
        return FeatureSet.open(found)
    if (found / CATALOG).is_file():
        return Catalog.open(found)
    if (found / "users.parquet").is_file():
        return Model.open(found)
    if (found / SCORES).is_file():
        return Leaderboard.open(found)
    if (found / "model" / MODEL).is_file() and (found / "features" / FEATURE_SET).is_file():
        kind = read_manifest(found / "model" / MODEL).get("model_type")
        return Aligned.open(found) if kind == "align" else open_pretrained(found)
    raise InputError(
        f"{found} holds no catalog, feature set, scores, model or alignment; expected what a command made"
    )


def _rows(given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ((n, d) float32, zeros where a row is NaN throughout; (n,) bool, where it is not)."""
    import numpy as np

    try:
        rows = np.array(given, np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(f"the vectors are no numbers: {error}; expected (n, d) of float") from error
    if not rows.ndim:
        raise InputError("the vectors are a single number; expected (n, d) of float")
    if rows.ndim != 2:
        return rows, np.ones(len(rows), bool)
    absent = np.asarray(np.isnan(rows).all(axis=1))
    rows[absent] = 0
    return rows, np.logical_not(absent)


def run_recipe(
    recipe: str | Path,
    settings: Mapping[str, object] | None = None,
    *,
    start: str | None = None,
    only: str | None = None,
    overwrite: bool = False,
    progress: bool | None = None,
) -> list[Finished]:
    """Run a recipe: what is done is skipped, what was interrupted is resumed.

    Args:
        recipe: a recipe's file, or the name of a shipped one.
        settings: variables, `out`, or `step.option`, by name.
        start: leave out the steps above this one.
        only: run this step alone.
        overwrite: make stale and damaged steps again.
        progress: draw how far it is; None draws it in a notebook.

    Returns:
        The steps, each with its folder and one line of what came of it.
    """
    from featurizer.recipes.plan import plan
    from featurizer.recipes.recipe import load_recipe
    from featurizer.recipes.run import run
    from featurizer.recipes.settings import written

    loaded = load_recipe(str(recipe), [written(name, value) for name, value in (settings or {}).items()])

    @contextmanager
    def watch(step: Step) -> Iterator[Any]:
        with _context(progress=progress) as context:
            yield context.report

    return list(run(plan(loaded, start=start, only=only), watch, overwrite=overwrite))


OWN: Mapping[str, Callable[..., Any]] = {
    "from_arrays": from_arrays,
    "open_folder": open_folder,
    "run_recipe": run_recipe,
}
"""Functions that are no command's."""
FUNCTIONS = (*(function_of(command) for command in COMMANDS), *OWN)


@cache
def function(name: str) -> Callable[..., Any]:
    """Return a function of the package by its name.

    Raises:
        KeyError: there is none.
    """
    if name in OWN:
        return OWN[name]
    command = {function_of(one): one for one in COMMANDS}[name]
    kind = operation(command)
    return _function(name, kind)


def _function(name: str, kind: type[Operation]) -> Callable[..., Any]:
    """Make the function of an operation: what stands by its place on the command line does so here."""
    from featurizer.operations.execute import execute
    from featurizer.operations.options import options_of
    from featurizer.operations.validation import operation_of

    options = options_of(kind)
    places = [option.name for option in options if option.argument]

    def call(*values: Any, progress: bool | None = None, **given: Any) -> Any:  # noqa: ANN401 - as its signature says
        if len(values) > len(places):
            raise TypeError(
                f"{name}() takes {len(places)} arguments by their place, {len(values)} were given"
            )
        twice = [place for place in places[: len(values)] if place in given]
        if twice:
            raise TypeError(f"{name}() got {twice[0]} twice")
        made = operation_of(kind, {**dict(zip(places, values, strict=False)), **given})
        with _context(progress=progress) as context:
            outcome = execute(made, context)
        for warning in outcome.warnings:
            logger.warning(warning)
        return outcome.value

    call.__name__ = call.__qualname__ = name
    call.__module__ = "featurizer"
    call.__doc__ = f"{inspect.getdoc(kind)}\n\nArgs:\n" + "\n".join(map(_described, options))
    call.__signature__ = _signature(options)  # type: ignore[attr-defined]
    return call


def _described(option: Option) -> str:
    return f"    {option.name}: {option.help}"


def _signature(options: Sequence[Option]) -> inspect.Signature:
    parameters = [
        inspect.Parameter(
            option.name,
            inspect.Parameter.POSITIONAL_OR_KEYWORD if option.argument else inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if option.required else option.default,
        )
        for option in options
    ]
    progress = inspect.Parameter("progress", inspect.Parameter.KEYWORD_ONLY, default=None)
    return inspect.Signature([*parameters, progress])


@contextmanager
def _context(*, progress: bool | None) -> Iterator[Context]:
    """Yield whom a run tells how far it is: bars in a notebook or where asked for, else nobody."""
    from featurizer.operations.operation import Context

    if not (_in_notebook() if progress is None else progress):
        yield Context(say=logger.info)
        return
    from featurizer.operations.bars import drawn

    with drawn(logger.info, rich=True) as report:
        yield Context(report, logger.info)


def _in_notebook() -> bool:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell"
