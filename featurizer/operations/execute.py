"""Running an operation, from whichever door: what is done is not done again, and nobody else writes its folder."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from featurizer.errors import StaleOutput
from featurizer.memory import keep_freed_memory
from featurizer.operations.operation import Context, FolderOperation, Operation, Outcome
from featurizer.operations.standing import look, made_by, request
from featurizer.results.files import fingerprint
from featurizer.results.locks import writing
from featurizer.results.state import State, sizes_of, write_state

logger = logging.getLogger(__name__)


def execute(operation: Operation, context: Context) -> Outcome[Any]:
    """Run an operation unless it is done.

    Raises:
        StaleOutput: its folder is finished and damaged, and `overwrite` is not given.
        FolderBusy: another process writes the folder.
        FeaturizerError: as the operation.
    """
    with _sole_writer(operation):
        if not isinstance(operation, FolderOperation):
            return _done(operation, context)
        if operation.overwrite or operation.reopens():
            return _done(operation, context)
        found = look(operation)
        if found.standing in ("stale", "to do") or (found.standing == "damaged" and operation.rewrites):
            return _done(operation, context)
        if found.standing == "damaged":
            raise StaleOutput(
                f"{operation.out} is finished and damaged: {found.why}. Pass --overwrite to make it again, or move "
                "what is not its own elsewhere"
            )
        logger.info("%s is finished already: nothing to do", operation.out)
        return replace(operation.outcome(operation.open()), done_before=True)


def _done(operation: Operation, context: Context) -> Outcome[Any]:
    """Run it and remember what was asked and made."""
    path, begun = operation.state(), time.perf_counter()
    asked = request(operation) if path is not None else {}
    if operation.runs_model():
        keep_freed_memory()
    outcome = operation.run(context)
    if path is not None and (not isinstance(operation, FolderOperation) or operation.remembers(outcome)):
        sizes = sizes_of(operation.out) if isinstance(operation, FolderOperation) else {}
        seconds = time.perf_counter() - begun
        state = State(
            request=asked,
            made=made_by(operation),
            sizes=sizes,
            seconds=seconds,
            summary=outcome.summary,
            table=outcome.table,
            files=outcome.files,
        )
        write_state(path, state)
    return outcome


@contextmanager
def _sole_writer(operation: Operation) -> Iterator[None]:
    """Hold the folders that are written, in the order of their names; processes that each make a part share one."""
    asked = fingerprint(operation.model_dump(mode="json", exclude={"wait", *operation.indifferent}))
    shared = isinstance(operation, FolderOperation) and operation.shares()
    wait = operation.wait if isinstance(operation, FolderOperation) else None
    with ExitStack() as held:
        for folder in sorted({folder.resolve() for folder in operation.writes()}):
            held.enter_context(writing(folder, fingerprint=asked, shared=shared, wait=wait))
        yield
