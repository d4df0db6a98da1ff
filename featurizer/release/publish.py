"""A plan onto the Hub: all data is sent, then one commit shows it; what arrived is compared with what was sent.

A reader of the branch sees the release before or this one, each as a whole. `release.json` lists a release's files: the
next one removes what is listed there and not published any more, and nothing else.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import featurizer
from featurizer.catalog.retry import RetryPolicy
from featurizer.errors import HubError
from featurizer.progress import Progress, Report, silent
from featurizer.records import Json
from featurizer.release.hub import ask, require_token, retry_policy
from featurizer.release.plan import Plan, PlannedFile, made
from featurizer.release.repository import MAIN, Repository, holds
from featurizer.results.files import atomic_path, file_sha256, read_json
from featurizer.results.names import ITEMS, RELEASE, SCORES, SCORES_PLOT, USERS

if TYPE_CHECKING:
    from huggingface_hub import HfApi

BATCH_FILES, BATCH_BYTES = 20, 2_000_000_000
"""What is announced at a time: so much is tried again when a connection breaks."""
ALWAYS = (".gitattributes",)
"""What the Hub puts into a new repository."""
FORMERLY = (SCORES, SCORES_PLOT, ITEMS, USERS)
"""What a release without a list may have published, beside what its manifest lists."""


@dataclass(frozen=True, slots=True)
class Published:
    """What came of it: paths in the repository that were sent, were there already, or were removed."""

    commit: str
    url: str
    uploaded: tuple[str, ...]
    skipped: tuple[str, ...]
    removed: tuple[str, ...]
    checked: int
    collection: str | None


def publish(
    plan: Plan,
    api: HfApi,
    *,
    public: bool = False,
    private: bool = False,
    into_existing: bool = False,
    branch: str = MAIN,
    tag: str | None = None,
    collection: str | None = None,
    check: bool = True,
    policy: RetryPolicy | None = None,
    report: Report = silent,
) -> Published:
    """Publish; after any fault, run it again: it goes on, and ends with the same content.

    Args:
        plan: what is published, and where.
        api: the Hub's client.
        public: a new repository is for everyone's eyes; without it, for its owners'.
        private: refuse a repository that is public.
        into_existing: also where the repository holds files that are nobody's release; they stay.
        branch: where commits go.
        tag: given to the commit.
        collection: title of a collection to stand in.
        check: download what was published and compare.
        policy: how stubborn to be; None for the usual one.
        report: told how far it is.

    Raises:
        HubError: refused, not reached, or what arrived is not what was sent.
        InputError: a file changed meanwhile.
    """
    require_token()
    policy = policy or retry_policy()
    who = ask(lambda: api.whoami(), what="accept the token", repo=plan.repo, policy=policy)
    account = ", ".join([str(who.get("name")), *(str(org.get("name")) for org in who.get("orgs", []))])
    repository = Repository(api, plan.repo, plan.repo_type, branch, policy, account)
    repository.ensure(public=public, private=private)
    before = repository.head()
    there = repository.files(before)
    former = _former(plan, repository, there, before, into_existing=into_existing)
    _write_made(plan)
    planned = (*plan.files, _listing(plan))
    fresh = [file for file in planned if file.path not in there or not holds(there[file.path], file)]
    removed = sorted((former & there.keys()) - {file.path for file in planned})
    if tag is not None and (fresh or removed):
        repository.refuse_taken(tag)
    commit = _send(plan, repository, there, fresh, removed, before, report)
    checked = _check(plan, repository, commit, report) if check else 0
    if tag is not None:
        repository.tag(tag, commit)
    slug = repository.collect(collection) if collection is not None else None
    sent = {file.path for file in fresh}
    return Published(
        commit=commit,
        url=f"{api.endpoint}/{'datasets/' if plan.repo_type == 'dataset' else ''}{plan.repo}",
        uploaded=tuple(file.path for file in fresh if file.path != RELEASE),
        skipped=tuple(file.path for file in plan.files if file.path not in sent),
        removed=tuple(removed),
        checked=checked,
        collection=slug,
    )


def _write_made(plan: Plan) -> None:
    """Write the card and what else is made here into the folder, so that it is what the repository holds."""
    for file in plan.files:
        if file.content is not None:
            with atomic_path(plan.folder / file.path) as partial:
                partial.write_bytes(file.content)


def _listing(plan: Plan) -> PlannedFile:
    files: Json = {file.path: file.sha256 for file in plan.files}
    return made(RELEASE, (json.dumps({"format_version": 1, "files": files}, indent=2) + "\n").encode())


def _former(
    plan: Plan, repository: Repository, there: Mapping[str, str], commit: str, *, into_existing: bool
) -> set[str]:
    """Return the paths that the release there consists of; none where there is none.

    Raises:
        HubError: what is there is no release of ours.
    """
    with tempfile.TemporaryDirectory(prefix="featurizer-") as folder:
        if RELEASE in there:
            listed = read_json(repository.fetch(RELEASE, commit, Path(folder))).get("files")
            return set(listed) if isinstance(listed, dict) else set()
        if plan.manifest in there:
            shards = read_json(repository.fetch(plan.manifest, commit, Path(folder))).get("shards")
            paths = (
                [one.get("path") for one in shards if isinstance(one, dict)]
                if isinstance(shards, list)
                else []
            )
            return {*map(str, paths), *FORMERLY}
    foreign = sorted(there.keys() - set(ALWAYS))
    if foreign and not into_existing:
        raise HubError(
            f"{repository.name} holds {len(foreign)} files that featurizer did not publish, such as {foreign[0]}; "
            "expected an empty repository or an earlier release. Choose another --repo, or add --into-existing: then "
            "they stay, but those of the same name as a file of this release"
        )
    return set()


def _send(
    plan: Plan,
    repository: Repository,
    there: Mapping[str, str],
    fresh: Sequence[PlannedFile],
    removed: Sequence[str],
    parent: str,
    report: Report,
) -> str:
    """Send what is new, then commit it all at once; return the commit that holds the release."""
    total = sum(file.size for file in fresh)
    done = 0
    report(Progress("publish", done, total, unit="bytes"))
    for batch in _batches(fresh):
        repository.upload(batch)
        done += sum(file.size for file in batch)
        report(Progress("publish", done, total, unit="bytes"))
    if not fresh and not removed:
        return parent
    return repository.commit(fresh, removed, _message(plan, there, fresh, removed), parent=parent)


def _batches(files: Sequence[PlannedFile]) -> Iterator[list[PlannedFile]]:
    batch: list[PlannedFile] = []
    for file in files:
        if batch and (len(batch) == BATCH_FILES or sum(one.size for one in batch) + file.size > BATCH_BYTES):
            yield batch
            batch = []
        batch.append(file)
    if batch:
        yield batch


def _message(
    plan: Plan, there: Mapping[str, str], fresh: Sequence[PlannedFile], removed: Sequence[str]
) -> tuple[str, str]:
    """Return the commit's title and text: what changed since the repository was last looked at."""
    fresh = [file for file in fresh if file.path != RELEASE]
    changes = {
        "added": [file.path for file in fresh if file.path not in there],
        "changed": [file.path for file in fresh if file.path in there],
        "removed": list(removed),
    }
    counts = ", ".join(f"{len(paths)} {word}" for word, paths in changes.items() if paths)
    lines = [f"- {word}: {path}" for word, paths in changes.items() for path in paths]
    return f"{plan.title} ({counts})", "\n".join([*lines, f"featurizer {featurizer.__version__}"])


def _check(plan: Plan, repository: Repository, commit: str, report: Report) -> int:
    """Download every file of the commit and compare its hash.

    Raises:
        HubError: one is not what was sent.
    """
    with tempfile.TemporaryDirectory(prefix="featurizer-") as folder:
        for number, file in enumerate(plan.files, 1):
            path = repository.fetch(file.path, commit, Path(folder))
            if file_sha256(path) != file.sha256:
                raise HubError(
                    f"{plan.repo} at {commit[:12]}: {file.path} came back with another content than was sent. "
                    "Publish again; if it stays so, tell the Hub's support"
                )
            path.unlink()
            report(Progress("check", number, len(plan.files), unit="files"))
    return len(plan.files)
