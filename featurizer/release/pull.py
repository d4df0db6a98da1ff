"""A published feature set or model, brought back: every file checked, the manifest last."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from featurizer.catalog.retry import RetryPolicy
from featurizer.errors import HubError, InputError, StaleOutput
from featurizer.features.feature_set import OWNED, FeatureSet
from featurizer.features.supervised import SUPERVISED
from featurizer.progress import Progress, Report, silent
from featurizer.release.hub import retry_policy
from featurizer.release.plan import RepoType, check_repo
from featurizer.release.repository import MAIN, Repository, is_whole
from featurizer.results.names import (
    CARD,
    CROISSANT,
    EVALUATION,
    EXAMPLES,
    FEATURE_SET,
    ITEMS,
    MODEL,
    RELEASE,
    SCORES,
    SCORES_PLOT,
    SIGNATURE,
    USERS,
)
from featurizer.results.stage import STAGE_FILE, Stage, refuse_foreign

if TYPE_CHECKING:
    from huggingface_hub import HfApi

WORK = ".pull"
OFFERED = (SUPERVISED, CARD, SCORES, SCORES_PLOT, EXAMPLES, CROISSANT, SIGNATURE)
"""What comes along beside shards and manifest, where it is there."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """What came: the commit, files fetched, those that were there already, and those left though the Hub has others."""

    commit: str
    fetched: tuple[str, ...]
    kept: tuple[str, ...]
    differing: tuple[str, ...] = ()


def pull(
    name: str,
    out: Path,
    api: HfApi,
    *,
    revision: str = MAIN,
    model: bool = False,
    overwrite: bool = False,
    policy: RetryPolicy | None = None,
    report: Report = silent,
) -> Pulled:
    """Download a repository at one commit; run again after a kill, it goes on.

    Where the same result is there already, its files are checked, and what is missing or damaged comes anew. A card or
    scores that were written anew here are left, unless they are to be overwritten.

    Args:
        name: the repository, ORG/NAME.
        out: folder to write into.
        api: the Hub's client.
        revision: a branch, tag or commit.
        model: a model, not a feature set.
        overwrite: replace another result in the folder.
        policy: how stubborn to be; None for the usual one.
        report: told how far it is.

    Raises:
        HubError: not reached, not there, or a file is not what its manifest says.
        InputError: the repository holds nothing of ours.
        StaleOutput: `out` holds something else.
    """
    check_repo(name)
    kind: RepoType = "model" if model else "dataset"
    repository = Repository(api, name, kind, revision, policy or retry_policy())
    commit = repository.head()
    pinned = replace(repository, branch=commit)
    there = pinned.files()
    last = _manifest_name(name, there, model=model)
    refuse_foreign(out, last)
    finished = (out / last).is_file() and not (out / STAGE_FILE).exists()
    if finished and is_whole(out / last, there[last]):
        wanted = _wanted(out / last, there, last, model=model)
        return _complete(pinned, wanted, out, last, overwrite=overwrite, report=report)
    _claim(out, last, {"repo": name, "commit": commit}, overwrite=overwrite)
    work = out / WORK
    manifest = pinned.fetch(last, commit, work)
    wanted = _wanted(manifest, there, last, model=model)
    held = _held(out, wanted)
    _fetch(pinned, wanted, [path for path in wanted if path not in held], out, report)
    (out / last).parent.mkdir(parents=True, exist_ok=True)
    manifest.replace(out / last)
    shutil.rmtree(work)
    (out / STAGE_FILE).unlink()
    return Pulled(commit, (*(path for path in wanted if path not in held), last), held)


def _complete(
    repository: Repository,
    wanted: Mapping[str, str],
    out: Path,
    last: str,
    *,
    overwrite: bool,
    report: Report,
) -> Pulled:
    """Bring what is missing or damaged of a result that is there already."""
    held = _held(out, wanted)
    own = () if overwrite else tuple(path for path in OFFERED if (out / path).is_file())
    differing = tuple(path for path in wanted if path in own and path not in held)
    lacking = tuple(path for path in wanted if path not in held and path not in differing)
    _fetch(repository, wanted, lacking, out, report)
    shutil.rmtree(out / WORK, ignore_errors=True)
    return Pulled(repository.branch, lacking, (*held, last), differing)


def _held(out: Path, wanted: Mapping[str, str]) -> tuple[str, ...]:
    """Return which of the files are in the folder as they should be."""
    return tuple(name for name, expected in wanted.items() if is_whole(out / name, expected))


def _fetch(
    repository: Repository,
    wanted: Mapping[str, str],
    lacking: Sequence[str],
    out: Path,
    report: Report,
) -> None:
    for number, path in enumerate(lacking, 1):
        _take(repository, path, wanted[path], out)
        report(Progress("pull", number, len(lacking), unit="files"))


def _manifest_name(name: str, there: Mapping[str, str], *, model: bool) -> str:
    names = (f"model/{MODEL}", MODEL) if model else (FEATURE_SET,)
    found = next((path for path in names if path in there), None)
    if found is None:
        what, other = ("model", "without") if model else ("feature set", "with")
        raise InputError(
            f"{name} holds no {names[-1]}; expected a {what} published by featurizer. Try {other} --model, or another "
            "--revision"
        )
    return found


def _claim(out: Path, last: str, asked: dict[str, str], *, overwrite: bool) -> None:
    """Take the folder; what another pull or another stage left there is refused or removed."""
    stage = Stage(out, last, {"pulled": dict(asked)}, (*OWNED, WORK, "model", ITEMS, USERS, EVALUATION))
    if (out / STAGE_FILE).exists() or not (out / last).exists():
        stage.claim(overwrite=overwrite)
        return
    if not overwrite:
        raise StaleOutput(
            f"{out} holds a finished result that is not this one; choose another --out, or pass --overwrite to "
            "replace it"
        )
    stage.claim(overwrite=True)


def _wanted(manifest: Path, there: Mapping[str, str], last: str, *, model: bool) -> dict[str, str]:
    """Return the files to bring, with the hashes that the manifest or the Hub gives.

    Raises:
        InputError: the manifest is no feature set's, or lists a shard outside `data/`.
    """
    if model:
        inside = str(PurePosixPath(last).parent)
        beside = [path for path in there if str(PurePosixPath(path).parent) in (inside, ".")]
        mine = [path for path in beside if path not in (last, RELEASE) and not path.startswith(".")]
        mine += [EVALUATION] if EVALUATION in there else []
        return {path: there[path] for path in sorted(mine)}
    feature_set = FeatureSet.open(manifest.parent)
    hashes = {entry.path: entry.sha256 for entry in feature_set.manifest.shards}
    wanted: dict[str, str] = {}
    for path in feature_set.shards:  # refuses a name outside data/
        name = path.relative_to(manifest.parent).as_posix()
        wanted[name] = hashes[name]
    return wanted | {name: there[name] for name in OFFERED if name in there}


def _take(repository: Repository, path: str, expected: str, out: Path) -> None:
    got = repository.fetch(path, repository.branch, out / WORK)
    if not is_whole(got, expected):
        raise HubError(
            f"{repository.name}: {path} is not what its manifest says; it was published by half or changed by hand. "
            "Try another --revision"
        )
    (out / path).parent.mkdir(parents=True, exist_ok=True)
    got.replace(out / path)
