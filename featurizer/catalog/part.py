"""One part of a catalog while its pictures come, in whatever order, and the file that it becomes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import pyarrow as pa

from featurizer.catalog.account import write_account
from featurizer.catalog.images.fetcher import Ask, file_name
from featurizer.catalog.images.reasons import explain
from featurizer.catalog.journal import Journal, Outcome, Slot, journal_path
from featurizer.catalog.old_catalog import OldPicture
from featurizer.catalog.part_rows import NOT_ASKED, Picture, as_stored, by_row, merged, write_bare, write_rows
from featurizer.records import NONE, NOT_MODIFIED, OK, FetchedImage, ImageRef

UNHEARD: Final = NOT_ASKED | {"dns", "tls", "proxy", "too_many_redirects"}
"""Beside those that are tried again, reasons that say nothing of a picture: the host that has it gave no answer."""


class OpenPart:
    """A part whose pictures are on their way.

    Attributes:
        path: the file that it becomes.
        rows: its items, their pictures aside; set before the part is complete.
        outcomes: what became of the pictures so far.
    """

    def __init__(
        self,
        path: Path,
        told: Callable[[Sequence[Outcome]], None],
        ended: Callable[[OpenPart | BaseException], None],
        *,
        again: bool = False,
    ) -> None:
        """Open a part, with what its journal holds.

        Args:
            path: the file that it becomes.
            told: called with outcomes as they come, from any thread.
            ended: called once all are known and `close` has said that no more are asked for; or with what went wrong.
            again: the part is there, and only what failed is asked for; else it is a new one.
        """
        self.path, self._told, self._ended, self._again = path, told, ended, again
        self.rows = pa.table({})
        self.journal = Journal(journal_path(path, again=again))
        self.outcomes: dict[Slot, Outcome] = {}
        self._old: dict[Slot, OldPicture] = {}
        self._done: dict[Slot, Callable[[], None]] = {}
        self._lock, self._left = threading.Lock(), 1

    def ask(
        self,
        slot: Slot,
        ref: ImageRef,
        done: Callable[[], None] | None = None,
        old: OldPicture | None = None,
    ) -> Ask | None:
        """Return what is to be asked for a picture; None where that is known already.

        Args:
            slot: row in the part, and which of its pictures.
            ref: where it is to be had.
            done: called when it is known.
            old: the picture that the item had; without a condition to ask under it is what it has.
        """
        known = self.journal.kept.get(slot)
        if old is None and known is not None and known.status == NOT_MODIFIED:
            known = None
        if old is not None:
            self._old[slot] = old
            ref = replace(ref, condition=old.condition)
            if old.condition is None:
                known = known or self.journal.add(slot, FetchedImage(NOT_MODIFIED, path=file_name(ref)))
        if known is None and (ref.data is not None or ref.path is not None or (ref.url or "").strip()):
            with self._lock:
                self._left += 1
            if done is not None:
                self._done[slot] = done
            return Ask(ref, self, slot)
        outcome = known or Outcome(slot[0], NONE, place=slot[1])
        self.outcomes[slot] = outcome
        self._told([outcome])
        return None

    def keep(self, arrived: Sequence[tuple[Slot, FetchedImage]]) -> None:
        """Keep what became of some pictures that were asked for."""
        try:
            outcomes = self.journal.add_all(arrived)
        finally:
            for done in [self._done.pop(slot) for slot, _ in arrived if slot in self._done]:
                done()
        for outcome in outcomes:
            self.outcomes[outcome.slot] = outcome
        self._told(outcomes)
        self._count(len(outcomes))

    def trouble(self, error: BaseException) -> None:
        """Say that nothing more will be kept, and why."""
        self._ended(error)

    def close(self, rows: pa.Table) -> None:
        """Say that no more is asked for.

        Args:
            rows: as they are stored, their pictures aside; of a part that is there, their ids and addresses.
        """
        self.rows = rows
        self._count(1)

    def _count(self, known: int) -> None:
        with self._lock:
            self._left -= known
            complete = not self._left
        if complete:
            self._ended(self)

    def write(self) -> None:
        """Write the account and the part, and remove the journal."""
        came = sorted(self.outcomes.values(), key=lambda outcome: outcome.slot)
        write_account(self.path, self.rows, map(self._told_of, came))
        pictures = (self._picture(outcome) for outcome in self._in_order(came))
        if not self._again and all(outcome.status == NONE for outcome in came):
            write_bare(self.path, self.rows)
        elif self._again:
            write_rows(self.path, *merged(self.path, {picture[0].slot: picture for picture in pictures}))
        else:
            write_rows(self.path, self.rows, by_row(pictures), self.journal.read_ahead)
        self.journal.remove()

    def _told_of(self, outcome: Outcome) -> Outcome:
        """Return what the account says of a picture; tries add up, and what stays is known as its server called it."""
        old = self._old.get(outcome.slot)
        entry = old.entry if old is not None else None
        if entry is None:
            return outcome
        first, last = (entry[name] and entry[name].timestamp() for name in ("first", "last"))
        outcome = replace(outcome, tries=outcome.tries + entry["tries"], first=first or outcome.first)
        if not self._stays(outcome):
            return outcome
        status = outcome.status
        if status == NOT_MODIFIED:
            status = OK if outcome.last is not None else entry["status"]
        return replace(
            outcome,
            status=status,
            last=outcome.last or last,
            etag=outcome.etag or entry["etag"],
            last_modified=outcome.last_modified or entry["last_modified"],
            size=entry["bytes"],
        )

    def _stays(self, outcome: Outcome) -> bool:
        """Say whether an old picture stays: it is the same still, or its server cannot say just now."""
        if outcome.slot not in self._old:
            return False
        return outcome.status in (NOT_MODIFIED, *UNHEARD) or (
            outcome.status not in (OK, NONE) and explain(outcome.status).retried
        )

    def _in_order(self, came: Sequence[Outcome]) -> Sequence[Outcome]:
        """Return the outcomes; old pictures that come in another order than they lay in go through the journal.

        Where a source is in another order than before, each would be a group of rows to read.
        """
        staying = [outcome for outcome in came if self._stays(outcome)]
        places = [self._old[outcome.slot].row for outcome in staying]
        if places == sorted(places):
            return came
        moved = {}
        for _, outcome in sorted(zip(places, staying, strict=True), key=lambda pair: pair[0]):
            stored, read = self._picture(outcome)
            last = self._told_of(outcome).last  # what the account says by now: a kill may come next
            told = FetchedImage(
                stored.status, read(), stored.sha256, stored.width, stored.height, outcome.tries, stored.path,
                outcome.first, last,
            )  # fmt: skip
            moved[outcome.slot] = self.journal.add(outcome.slot, told)
            del self._old[outcome.slot]
        return [moved.get(outcome.slot, outcome) for outcome in came]

    def _picture(self, outcome: Outcome) -> Picture:
        if self._stays(outcome):
            return as_stored(outcome.slot, self._old[outcome.slot].read(), path=outcome.path)
        return outcome, lambda: self.journal.read(outcome)
