"""A feature set brought up to date: what changed is encoded, every other vector is copied bit by bit.

The new set is written beside the old one, in `.NAME.update`, resumable as any; then the two change places. A kill at
any instant leaves the old set or the new one in its place (where the file system cannot exchange two folders in one
step, an instant is left; the next run brings the old one back).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from featurizer.catalog.store import Catalog
from featurizer.encoders.base import AnyEncoder, EncoderSpec, TextLoss
from featurizer.encoders.libraries import library_versions
from featurizer.features.clock import Clock
from featurizer.features.draft import FeatureSetDraft
from featurizer.features.engines.engine import MakeShard, Tick
from featurizer.features.feature_set import OWNED, FeatureSet
from featurizer.features.inputs import inputs_of, places, read_inputs
from featurizer.features.rows import ShardRows
from featurizer.features.schema import arrow_to_vectors
from featurizer.records import OK, Json
from featurizer.results.exchange import restore
from featurizer.results.files import fingerprint
from featurizer.results.names import FEATURE_SET
from featurizer.results.replacing import begun_beside, put_in_place

logger = logging.getLogger(__name__)

EncodeRows: TypeAlias = Callable[[Sequence[AnyEncoder], Sequence[int], Clock, Tick], ShardRows]
"""Encodes rows of a catalog, ascending, with some encoders."""
WriteSet: TypeAlias = Callable[[Path, FeatureSetDraft, MakeShard], bool]
"""Writes a feature set into a folder; returns True, for nobody else makes a part of it."""
INDIFFERENT = ("catalog", "encoders", "libraries", "shard_rows")
"""What may differ between two sets of which one copies from the other; encoders and their libraries each for itself."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What an update has to do.

    Attributes:
        before: (n,) of each item its row in the old set, -1 where it is new.
        same_image: (n,) whether its picture is what it was.
        same_text: (n,) whether its text is.
        kept: the spaces whose vectors can be copied: the same encoder made them, in the same way.
        gone: items of the old set that are no more.
    """

    before: np.ndarray
    same_image: np.ndarray
    same_text: np.ndarray
    kept: frozenset[str]
    gone: int

    @classmethod
    def between(
        cls,
        old: FeatureSet,
        was: pa.Table | None,
        now: pa.Table,
        draft: FeatureSetDraft,
        specs: Sequence[EncoderSpec],
    ) -> Changes:
        """Compare a set with what is asked for.

        Args:
            old: the set.
            was: what its items were made of; None where that is not known, so that nothing can be copied.
            now: what the items of the catalog are made of.
            draft: of the new set.
            specs: of its encoders.
        """
        if was is None:
            none, no = np.full(len(now), -1), np.zeros(len(now), bool)
            return cls(none, no, no, frozenset(), old.rows)
        before, same_image, same_text = places(was, now)
        kept = _kept(old, draft, specs)
        return cls(before, same_image, same_text, kept, old.rows - int((before >= 0).sum()))

    def todo(self, spec: EncoderSpec, rows: slice = slice(None)) -> np.ndarray:
        """Return of some rows (m,) which an encoder has to encode."""
        same = self.before[rows] >= 0
        if spec.modality != "text":
            same = same & self.same_image[rows]
        if spec.modality != "image":
            same = same & self.same_text[rows]
        return ~same if spec.space in self.kept else np.ones(len(same), bool)

    def counts(self, specs: Sequence[EncoderSpec]) -> dict[str, Json]:
        """Return what a manifest says: items new, changed and gone, and of each space how many are encoded."""
        known = self.before >= 0
        return {
            "new": int((~known).sum()),
            "changed": int((known & ~(self.same_image & self.same_text)).sum()),
            "gone": self.gone,
            "encoded": {spec.space: int(self.todo(spec).sum()) for spec in specs},
        }


def _differing(old: FeatureSet, draft: FeatureSetDraft) -> list[str]:
    """Name what of two configurations differs, so that no vector of the one is one of the other."""
    was, now = old.manifest.config, draft.config
    return sorted(key for key in {*was, *now} - {*INDIFFERENT} if was.get(key) != now.get(key))


def _kept(old: FeatureSet, draft: FeatureSetDraft, specs: Sequence[EncoderSpec]) -> frozenset[str]:
    was, now = old.manifest.config, draft.config
    if _differing(old, draft):
        return frozenset()
    made, asked, libraries = was.get("encoders"), now.get("encoders"), was.get("libraries")
    if not isinstance(made, dict) or not isinstance(asked, dict) or not isinstance(libraries, dict):
        return frozenset()
    return frozenset(
        spec.space
        for spec in specs
        if spec.space in old.spaces
        and fingerprint({"": made.get(spec.space)}) == fingerprint({"": asked[spec.space]})
        and library_versions([spec.request]).items() <= libraries.items()
    )


@dataclass(frozen=True, slots=True)
class Updater:
    """Makes the rows of a shard, a `MakeShard`: copies what is as it was, and encodes the rest.

    Attributes:
        catalog: the items as they are.
        encoders: all that are asked for.
        old: the set that is copied from.
        changes: what has to be encoded.
        encode: encodes rows of the catalog with some of the encoders.
    """

    catalog: Catalog
    encoders: Sequence[AnyEncoder]
    old: FeatureSet
    changes: Changes
    encode: EncodeRows

    def __call__(self, rows: range, clock: Clock, tick: Tick) -> ShardRows:
        """Return the shard of these rows."""
        some = slice(rows.start, rows.stop)
        todo = {one.spec.space: self.changes.todo(one.spec, some) for one in self.encoders}
        seeing = [one.spec.space for one in self.encoders if one.spec.modality != "text"]
        seen = np.any([todo[space] for space in seeing], axis=0) if seeing else np.zeros(len(rows), bool)
        with clock.timing("read"):
            shard, texts = self._bare(rows)
        with clock.timing("copy"):
            self._copy(shard, rows, todo, ~seen if seeing else seen)
        wanted = np.stack(list(todo.values()), axis=1)
        done = int((~wanted.any(axis=1)).sum())
        for pattern in np.unique(wanted[wanted.any(axis=1)], axis=0):
            chosen = [one for one, asked in zip(self.encoders, pattern, strict=True) if asked]
            at = np.flatnonzero((wanted == pattern).all(axis=1))
            later = _later(tick, done, shard.errors)
            made = self.encode(chosen, (rows.start + at).tolist(), clock, later)
            _put(shard, at, made, sees=any(one.spec.space in seeing for one in chosen))
            done += len(at)
        tick(done, sum(error is not None for error in shard.errors))
        return replace(shard, losses=self._losses(texts, clock))

    def _bare(self, rows: range) -> tuple[ShardRows, list[str | None]]:
        """Return the items without vectors, and their texts."""
        parts = list(self.catalog.batches(["item_id", "text", "image_status"], rows))
        table = pa.Table.from_batches(parts)
        texts: list[str | None] = table.column("text").to_pylist()
        specs = [one.spec for one in self.encoders]
        shard = ShardRows(
            table.column("item_id").to_pylist(),
            np.array([status == OK for status in table.column("image_status").to_pylist()], bool),
            np.array([text is not None for text in texts], bool),
            [None] * len(rows),
            {spec.space: np.zeros((len(rows), spec.dim), np.float32) for spec in specs},
            {spec.space: np.zeros(len(rows), bool) for spec in specs},
        )
        return shard, texts

    def _copy(
        self, shard: ShardRows, rows: range, todo: Mapping[str, np.ndarray], unseen: np.ndarray
    ) -> None:
        """Put down what can be copied; of an `unseen` picture also whether it was usable, or why not."""
        before = self.changes.before[rows.start : rows.stop]
        kept = [space for space in todo if space in self.changes.kept]
        starts = np.cumsum([0, *(old.rows for old in self.old.manifest.shards)])
        for index, start in enumerate(starts[:-1].tolist()):
            at = np.flatnonzero((before >= start) & (before < starts[index + 1]))
            if not len(at):
                continue
            columns = ["has_image", "error", *kept]
            table = self.old.shard(index, columns).take(before[at] - start)
            usable = table.column("has_image").to_numpy()
            shard.has_image[at[unseen[at]]] = usable[unseen[at]]
            for space in kept:
                vectors, present = arrow_to_vectors(table.column(space))
                copied = ~todo[space][at]
                shard.vectors[space][at[copied]] = vectors[copied]
                shard.present[space][at[copied]] = present[copied]
            for row, error in zip(at.tolist(), table.column("error").to_pylist(), strict=True):
                said = {space for space, asked in todo.items() if not asked[row]}
                shard.errors[row] = _of(error, said | ({"image"} if unseen[row] else set()))

    def _losses(self, texts: Sequence[str | None], clock: Clock) -> dict[str, Sequence[TextLoss]]:
        """Let every encoder that can say what it does not read say it of all the shard's texts."""
        shown = [text for text in texts if text is not None]
        found: dict[str, Sequence[TextLoss]] = {}
        for one in self.encoders:
            count = getattr(one, "losses", None)
            if count is not None and one.spec.modality != "image":
                with clock.timing("count"):
                    found[one.spec.space] = list(count(shown))
        return found


def _later(tick: Tick, done: int, errors: Sequence[str | None]) -> Tick:
    """Return what counts on from items that are done, and failures that are known."""
    failed = sum(error is not None for error in errors)
    return lambda encoded, failures: tick(done + encoded, failed + failures)


def _of(error: str | None, said: Collection[str]) -> str | None:
    """Return those of an item's reasons that are of these spaces, or of its `image`."""
    reasons = (error or "").split("; ")
    return "; ".join(reason for reason in reasons if reason.split(": ")[0] in said) or None


def _put(shard: ShardRows, at: np.ndarray, made: ShardRows, *, sees: bool) -> None:
    """Put encoded items into their places."""
    for space, vectors in made.vectors.items():
        shard.vectors[space][at] = vectors
        shard.present[space][at] = made.present[space]
    if sees:
        shard.has_image[at] = made.has_image
    for row, error in zip(at.tolist(), made.errors, strict=True):
        told = (error, shard.errors[row]) if sees else (shard.errors[row], error)
        shard.errors[row] = "; ".join(filter(None, told)) or None


def is_outdated(folder: Path, draft: FeatureSetDraft) -> bool:
    """Say whether a finished set stands in a folder, of another configuration than the draft's."""
    restore(folder)
    if not (folder / FEATURE_SET).exists():
        return False
    return FeatureSet.open(folder).manifest.fingerprint != fingerprint(draft.config)


def _say_why(old: FeatureSet, was: pa.Table | None, draft: FeatureSetDraft) -> None:
    """Say why nothing can be copied, where that is so."""
    differing = _differing(old, draft)
    if was is None:
        logger.warning("what the items of %s were made of is not known: all are encoded again", old.folder)
    elif differing:
        logger.warning("%s differ: all items are encoded again", ", ".join(differing))


def update(
    folder: Path,
    draft: FeatureSetDraft,
    catalog: Catalog,
    encoders: Sequence[AnyEncoder],
    encode: EncodeRows,
    write: WriteSet,
) -> None:
    """Bring the finished set in a folder up to date; the manifest says what was done, under `update`.

    Args:
        folder: the set's.
        draft: of the new set.
        catalog: the items as they are.
        encoders: all that are asked for.
        encode: encodes rows of the catalog with some of the encoders.
        write: writes a set into a folder.
    """
    old = FeatureSet.open(folder)
    was = read_inputs(folder, old.manifest.fingerprint)
    specs = [one.spec for one in encoders]
    changes = Changes.between(old, was, inputs_of(catalog, several=draft.sees_all_pictures), draft, specs)
    told = changes.counts(specs)
    for space in old.spaces.keys() - draft.dims.keys():
        logger.warning("%s has a space %s, which no encoder is given for now: it goes", folder, space)
    _say_why(old, was, draft)
    logger.info("update: %(new)d items new, %(changed)d changed, %(gone)d gone", told)
    about: dict[str, Json] = {**draft.about, "update": told}
    if old.manifest.license is not None:
        about["license"] = old.manifest.license
    new = begun_beside(folder, FEATURE_SET, draft.config, {"fingerprint": old.manifest.fingerprint})
    write(new, replace(draft, about=about), Updater(catalog, encoders, old, changes, encode))
    put_in_place(folder, (*OWNED, FEATURE_SET))
