"""What is to be published: the files in upload order, their hashes, the card. No network, nothing written."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from featurizer.catalog.store import Catalog
from featurizer.errors import InputError
from featurizer.features.feature_set import FeatureSet
from featurizer.features.supervised import SUPERVISED
from featurizer.features.verify import verify
from featurizer.release.card import license_of, render_card
from featurizer.release.croissant import render_croissant
from featurizer.release.licenses import lets_pictures_pass
from featurizer.release.scores import draw, shown_scores
from featurizer.release.verify_beside import scores_problems
from featurizer.results.files import file_sha256
from featurizer.results.names import CARD, CROISSANT, EXAMPLES, FEATURE_SET, SCORES, SCORES_PLOT

RepoType: TypeAlias = Literal["dataset", "model"]
SHOWN = 3
"""How many problems of a set an error names."""


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One file of the repository.

    Attributes:
        path: in the repository.
        size: in bytes.
        sha256: of its content.
        source: where it lies on disk; None when it is made here and stands in `content`.
        content: the bytes themselves.
        stamp: the source's size and time of change when its hash was taken.
    """

    path: str
    size: int
    sha256: str
    source: Path | None = None
    content: bytes | None = None
    stamp: tuple[int, int] | None = None

    def check_unchanged(self) -> None:
        """Refuse a file that is no longer what was verified.

        Raises:
            InputError: it is gone or was changed.
        """
        if self.source is not None and _stamp(self.source) != self.stamp:
            raise InputError(
                f"{self.source} changed after it was verified; expected nobody to write into the folder while it is "
                "published. Run 'featurizer verify' on it, then publish again"
            )


@dataclass(frozen=True, slots=True)
class Plan:
    """A repository's content as it will be.

    Attributes:
        repo: ORG/NAME.
        repo_type: dataset or model.
        folder: what is published; files made here are written into it.
        files: data first, card and manifest last.
        card: the text of README.md.
        title: what the commit says it is.
    """

    repo: str
    repo_type: RepoType
    folder: Path
    files: tuple[PlannedFile, ...]
    card: str
    title: str

    def __repr__(self) -> str:
        size = sum(file.size for file in self.files)
        return f"Plan({self.repo}, {self.repo_type}: {len(self.files)} files, {size:,} bytes; {self.title})"

    @property
    def manifest(self) -> str:
        """The path of what makes the repository ours."""
        return self.files[-1].path


def plan_set(feature_set: FeatureSet, repo: str, *, pictures: Catalog | None = None) -> Plan:
    """Verify a feature set and say what its repository will hold.

    Args:
        feature_set: the set.
        repo: ORG/NAME.
        pictures: the catalog, to publish its pictures and texts too.

    Raises:
        InputError: the name is none, `verify` finds problems, there is no license, or it does not let pictures pass.
    """
    check_repo(repo)
    problems = verify(feature_set)
    if (feature_set.folder / SCORES).exists():
        problems += [f"{SCORES}: {problem}" for problem in scores_problems(feature_set)]
    if problems:
        more = f" and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        raise InputError(
            f"{feature_set.folder} is not what its manifest says: {'; '.join(problems[:SHOWN])}{more}. "
            "Make or fetch it again before it is published"
        )
    _check_license(feature_set)
    card = render_card(feature_set, repo=repo, pictures=pictures is not None)
    files = [
        _shard(path, entry.sha256, feature_set.folder)
        for path, entry in zip(feature_set.shards, feature_set.manifest.shards, strict=True)
    ]
    files += _pictures(feature_set, pictures) if pictures is not None else []
    beside = [name for name in (SUPERVISED, SCORES, EXAMPLES) if (feature_set.folder / name).exists()]
    files += [on_disk(feature_set.folder / name, name) for name in beside]
    scores = shown_scores(feature_set.folder)
    if scores is not None:
        files.append(made(SCORES_PLOT, draw(scores)))
    files.append(made(CROISSANT, render_croissant(feature_set, repo=repo).encode()))
    files.append(made(CARD, card.encode()))
    files.append(on_disk(feature_set.folder / FEATURE_SET, FEATURE_SET))
    title = f"{feature_set.rows:,} items, spaces {', '.join(feature_set.spaces)}"
    return Plan(repo, "dataset", feature_set.folder, tuple(files), card, title)


def check_repo(repo: str) -> None:
    """Refuse what is no repository's name.

    Raises:
        InputError: it is not ORG/NAME.
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    try:
        validate_repo_id(repo)
    except HFValidationError as error:
        raise InputError(f"{repo!r}: {' '.join(str(error).split())}; expected ORG/NAME") from error
    if repo.count("/") != 1:
        raise InputError(
            f"{repo!r} is no repository's name; expected ORG/NAME, such as my-shop/item-features"
        )


def on_disk(path: Path, name: str) -> PlannedFile:
    """Plan a file that lies on disk under the name it will have."""
    stamp = _stamp(path)
    return PlannedFile(name, stamp[0], file_sha256(path), source=path, stamp=stamp)


def made(name: str, content: bytes) -> PlannedFile:
    """Plan a file that is made here."""
    return PlannedFile(name, len(content), hashlib.sha256(content).hexdigest(), content=content)


def _shard(path: Path, sha256: str, folder: Path) -> PlannedFile:
    stamp = _stamp(path)
    name = path.relative_to(folder).as_posix()
    return PlannedFile(name, stamp[0], sha256, source=path, stamp=stamp)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise InputError(f"{path} is gone; expected it to stay while its folder is published") from error
    return found.st_size, found.st_mtime_ns


def _check_license(feature_set: FeatureSet) -> None:
    if license_of(feature_set) is None:
        source = feature_set.manifest.source
        stated = source.license if source is not None else None
        found = f"its source states '{stated}'" if stated else "its source states none"
        raise InputError(
            f"{feature_set.folder} has no license ({found}); expected one before it is published. If the vectors may "
            f"be shared, say how: featurizer card {feature_set.folder} --license ID (an SPDX id such as CC-BY-4.0; of "
            "a private release any name, such as proprietary)"
        )


def _pictures(feature_set: FeatureSet, catalog: Catalog) -> list[PlannedFile]:
    license = catalog.manifest.source.license
    if not lets_pictures_pass(license):
        raise InputError(
            f"{catalog.folder}: the license of its pictures is {license or 'not known'}, which does not let them be "
            "passed on; expected an open one such as CC0-1.0 or CC-BY-4.0. Publish without --with-images"
        )
    if feature_set.manifest.catalog != catalog.identity:
        raise InputError(
            f"{catalog.folder} is not the catalog that {feature_set.folder} was made from; give that one"
        )
    parts = sorted((catalog.folder / "items").glob("part-*.parquet"))
    return [on_disk(path, f"items/{path.name}") for path in parts]
