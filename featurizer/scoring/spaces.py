"""What is scored: a space of a feature set, or several joined, over the items that all sets share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from featurizer.alignment.choose import choose_fusion
from featurizer.alignment.content import ContentMap
from featurizer.alignment.options import AlignOptions
from featurizer.errors import InputError, UnknownName
from featurizer.features.feature_set import FeatureSet
from featurizer.features.join import side_by_side
from featurizer.interactions.user_items import UserItems
from featurizer.results.manifests.feature_set import SpaceProvenance
from featurizer.scoring.document import BASELINE
from featurizer.scoring.masks import MODALITIES
from featurizer.scoring.taught import Change, Taught, taught
from featurizer.scoring.transform import TransformName, fit

NAMED = 5
"""How many ids an error lists."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An opened feature set.

    Attributes:
        label: its name on the leaderboard.
        features: the set.
        rows: (n,) the row of each shared item.
    """

    label: str
    features: FeatureSet
    rows: np.ndarray


@dataclass(frozen=True, slots=True)
class SpacePart:
    """One stored space, transformed.

    Attributes:
        name: the space.
        modality: `image`, `text` or `both`.
        vectors: (n, d) float32, zeros where absent.
        present: (n,) bool: there, and not all zero as stored.
        zero: (n,) bool: all zero as stored, which counts as absent.
        masked: of each modality, this part as encoded without it: vectors and present.
        taught: by which items' interactions; None for content alone.
    """

    name: str
    modality: str
    vectors: np.ndarray
    present: np.ndarray
    zero: np.ndarray
    masked: Mapping[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    taught: Taught | None = None


@dataclass(frozen=True, slots=True)
class ScoredSpace:
    """A row of the leaderboard.

    Attributes:
        feature_set: the set's label.
        name: the space, or several joined by `+`.
        transform: what was done to each part.
        parts: the spaces it is made of.
        fusion: how they are joined, where that was chosen; None to weigh them equally.
    """

    feature_set: str
    name: str
    transform: TransformName
    parts: tuple[SpacePart, ...]
    fusion: ContentMap | None = None

    @property
    def vectors(self) -> np.ndarray:
        """(n, d) float32, the parts joined; a zero row is an item without a vector."""
        if self.fusion is not None:
            return self.fusion([(part.vectors, part.present) for part in self.parts])
        vectors, present = side_by_side([(part.vectors, part.present) for part in self.parts])
        return np.where(present[:, None], vectors, np.float32(0))

    def without(self, modality: str, lost: np.ndarray) -> ScoredSpace:
        """Return the space in which the (n,) bool `lost` items have no `modality`.

        A part that reads it alone loses its vector; one that reads both takes what was encoded without it.

        Raises:
            InputError: a part reads both, and there is nothing that was encoded without it.
        """
        return replace(self, parts=tuple(_without(part, modality, lost) for part in self.parts))


def fused(space: ScoredSpace, train: UserItems, seed: int) -> ScoredSpace:
    """Choose how the parts of a space are joined, on held-out items of the train rows; one part stays as it is.

    Raises:
        InputError: no user has train items among those held out and among the others.
    """
    if len(space.parts) == 1:
        return space
    parts = [(part.vectors, part.present) for part in space.parts]
    return replace(space, fusion=choose_fusion(parts, train, AlignOptions(seed=seed)))


def _without(part: SpacePart, modality: str, lost: np.ndarray) -> SpacePart:
    if part.modality == modality:
        return replace(
            part, present=part.present & ~lost, vectors=np.where(lost[:, None], np.float32(0), part.vectors)
        )
    if part.modality in MODALITIES:
        return part
    if modality not in part.masked:
        raise _unmasked(part.name, modality)
    vectors, present = part.masked[modality]
    return replace(
        part,
        vectors=np.where(lost[:, None], vectors, part.vectors),
        present=np.where(lost, present, part.present),
    )


def _unmasked(name: str, modality: str) -> InputError:
    return InputError(
        f"the space {name} reads both modalities, so its items have to be encoded again without their "
        f"{modality}. Run: featurizer extract CATALOG --encoder ica:DIR --mask {modality} --out MASKED, and pass "
        f"--masked {modality}=MASKED; or name other spaces with --space"
    )


def check_masked(candidate: Candidate, name: str, masks: Mapping[str, Sequence[Candidate]]) -> None:
    """Refuse a space whose items cannot lose a modality, before anything is scored.

    Raises:
        InputError: a part reads both modalities, and there is nothing that was encoded without one of them.
    """
    for part in name.split("+"):
        spec = candidate.features.spaces[part]
        for modality in () if spec.modality in MODALITIES else MODALITIES:
            if not any(_same_encoder(one, spec, part) for one in masks.get(modality, ())):
                raise _unmasked(part, modality)


def open_candidates(folders: Sequence[Path]) -> tuple[list[Candidate], tuple[str, ...]]:
    """Open feature sets on the items that all of them have, in the order of the first.

    Raises:
        InputError: a folder is no feature set, one is given twice, or they share no item.
    """
    opened = [FeatureSet.open(folder) for folder in folders]
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise InputError("a feature set is given twice; expected each once")
    ids = [features.item_ids() for features in opened]
    row_of = [{item: row for row, item in enumerate(listed)} for listed in ids]
    shared = tuple(item for item in ids[0] if all(item in rows for rows in row_of[1:]))
    if not shared:
        raise InputError(
            f"{' and '.join(map(str, folders))} share no item ({ids[0][0]} against {ids[-1][0]}, for example); "
            "expected features of the same catalog"
        )
    rows = [np.array([known[item] for item in shared]) for known in row_of]
    return [
        Candidate(label, features, row)
        for label, features, row in zip(folder_labels(folders), opened, rows, strict=True)
    ], shared


def open_masked(folder: Path, modality: str, shared: Sequence[str]) -> Candidate:
    """Open a set that was encoded without a modality, on the shared items.

    Raises:
        InputError: it was not encoded so, or lacks items.
    """
    features = FeatureSet.open(folder)
    masks = [spec.mask for spec in features.spaces.values()]
    if modality not in masks:
        found = ", ".join(
            f"{name} ({mask or 'none'})" for name, mask in zip(features.spaces, masks, strict=True)
        )
        raise InputError(
            f"{folder} has no space that was encoded without its {modality}; its spaces and what they lack: {found}. "
            f"Make one with: featurizer extract CATALOG --encoder ica:DIR --mask {modality} --out {folder}"
        )
    place = {item: row for row, item in enumerate(features.item_ids())}
    lacking = [item for item in shared if item not in place]
    if lacking:
        raise InputError(
            f"{folder} lacks {len(lacking)} of the {len(shared)} items that are scored, such as {lacking[0]}; "
            "encode the same catalog without the modality"
        )
    return Candidate(folder.name, features, np.array([place[item] for item in shared]))


def folder_labels(folders: Sequence[Path]) -> list[str]:
    """Name each folder by as much of its path as tells it from the others and from the baselines."""
    parts = [folder.resolve().parts for folder in folders]
    depth = 1
    while len({part[-depth:] for part in parts}) < len(parts) or (BASELINE,) in {
        part[-depth:] for part in parts
    }:
        depth += 1
    return ["/".join(part[-depth:]) for part in parts]


def check_asked(candidates: Sequence[Candidate], asked: Sequence[str]) -> None:
    """Refuse a space that no set has, or not all of a join in one set: it would be left out in silence.

    Raises:
        UnknownName: names the first of them.
        InputError: no set has all parts of a join, or a part stands in it twice.
    """
    for name in asked:
        parts = name.split("+")
        if len(set(parts)) < len(parts):
            raise InputError(f"--space {name} joins a space with itself; expected each of its parts once")
        if any(set(parts) <= one.features.spaces.keys() for one in candidates):
            continue
        known = {space for one in candidates for space in one.features.spaces}
        missing = next((part for part in parts if part not in known), None)
        if missing is not None:
            raise UnknownName("space", missing, known)
        raise InputError(f"--space {name}: no feature set has all of its parts; expected spaces of one set")


def space_names(candidate: Candidate, asked: Sequence[str]) -> list[str]:
    """Return the spaces of a set that are scored: those of `asked` it has, or all and each image+text pair.

    Raises:
        UnknownName: none of the spaces asked for is in the set.
    """
    spaces = candidate.features.spaces
    if not asked:
        sides = {
            side: [name for name, spec in spaces.items() if spec.modality == side] for side in MODALITIES
        }
        pairs = [f"{image}+{text}" for image in sides["image"] for text in sides["text"]]
        return [*spaces, *pairs]
    found = [name for name in asked if all(part in spaces for part in name.split("+"))]
    if not found:
        missing = next(part for part in asked[0].split("+") if part not in spaces)
        raise UnknownName("space", missing, spaces)
    return found


def references(candidate: Candidate) -> list[str]:
    """Return what every leaderboard shows: a set's spaces of one modality, and each image+text pair.

    None of them is learned from interactions.
    """
    able = {
        side: [
            name
            for name, spec in candidate.features.spaces.items()
            if spec.modality == side and not spec.saw_interactions
        ]
        for side in MODALITIES
    }
    pairs = [f"{image}+{text}" for image in able["image"] for text in able["text"]]
    return [*able["image"], *able["text"], *pairs]


def read_space(
    candidate: Candidate, name: str, transform: TransformName, masks: Mapping[str, Sequence[Candidate]]
) -> ScoredSpace:
    """Read a space, transformed; each transform is fitted on all items of its part.

    Args:
        candidate: the feature set.
        name: a space, or several joined by `+`.
        transform: what is done to each part.
        masks: of each modality, the sets that were encoded without it.

    Raises:
        InputError: a vector is not finite.
    """
    parts = tuple(_read_part(candidate, part, transform, masks) for part in name.split("+"))
    return ScoredSpace(candidate.label, name, transform, parts)


def _read_part(
    candidate: Candidate, name: str, transform: TransformName, masks: Mapping[str, Sequence[Candidate]]
) -> SpacePart:
    vectors, present, zero = _read(candidate, name)
    spec = candidate.features.spaces[name]
    # a centered join is what `auto` makes of its parts: centering it again would be another geometry than theirs
    is_done = transform == "auto" and spec.preprocessing.get("centered") is True
    fitted = fit("none" if is_done else transform, vectors, present)
    masked = {}
    for modality, sets in masks.items():
        other = next((one for one in sets if _same_encoder(one, spec, name)), None)
        if other is not None and spec.modality not in MODALITIES:
            found, there, _ = _read(other, name)
            masked[modality] = fitted(found, there), there
    known = _transformed(taught(candidate.features, name, candidate.rows), transform)
    return SpacePart(name, spec.modality, fitted(vectors, present), present, zero, masked, known)


def _transformed(known: Taught | None, transform: TransformName) -> Taught | None:
    """Have what is learned again transformed as what is stored is."""
    learn = known.learn if known is not None else None
    if known is None or learn is None:
        return known

    def learned(train: UserItems, change: Change) -> tuple[np.ndarray, np.ndarray]:
        vectors, present = learn(train, change)
        return fit(transform, vectors, present)(vectors, present), present

    return replace(known, learn=learned)


def _same_encoder(masked: Candidate, spec: SpaceProvenance, name: str) -> bool:
    found = masked.features.spaces.get(name)
    return found is not None and (found.weight_hash, found.model) == (spec.weight_hash, spec.model)


def _read(candidate: Candidate, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (n, d) vectors, (n,) bool whether there and not zero, and (n,) bool whether there and zero."""
    vectors, present = candidate.features.vectors(name)
    vectors, present = vectors[candidate.rows], present[candidate.rows]
    finite = np.isfinite(vectors).all(1) | ~present
    if not finite.all():
        ids = candidate.features.item_ids()
        broken = [ids[row] for row in candidate.rows[~finite][:NAMED].tolist()]
        raise InputError(
            f"{candidate.features.folder}: {int((~finite).sum())} items have a vector in {name} that is not finite "
            f"({', '.join(broken)}, …); expected numbers. 'featurizer inspect' counts them; make the feature set "
            "anew"
        )
    some = vectors.any(1)
    return vectors, np.asarray(present & some), np.asarray(present & ~some)
