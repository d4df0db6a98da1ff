"""A plan onto the Hub: data first, card and manifest last, and then what arrived is compared with what was sent."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import featurizer
from featurizer.catalog.retry import RetryPolicy
from featurizer.errors import HubError
from featurizer.progress import Progress, Report, silent
from featurizer.release.hub import Asker, require_token, retry_policy
from featurizer.release.plan import Plan, PlannedFile
from featurizer.release.repository import MAIN, Repository, holds
from featurizer.results.files import atomic_path, file_sha256

if TYPE_CHECKING:
    from huggingface_hub import HfApi

BATCH_FILES, BATCH_BYTES = 20, 2_000_000_000
"""What one commit of data holds at most: so much is sent again when a connection breaks before it is committed."""


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
    private: bool = False,
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
        private: for one's own eyes.
        branch: where commits go.
        tag: given to the last commit.
        collection: title of a collection to stand in.
        check: download what was published and compare.
        policy: how stubborn to be; None for the usual one.
        report: told how far it is.

    Raises:
        HubError: refused, not reached, or what arrived is not what was sent.
        InputError: a file changed meanwhile.
    """
    require_token()
    asker = Asker(plan.repo, policy or retry_policy())
    who = asker.ask(lambda: api.whoami(), what="accept the token")
    account = ", ".join([str(who.get("name")), *(str(org.get("name")) for org in who.get("orgs", []))])
    repository = Repository(api, Asker(plan.repo, asker.policy, account), plan.repo, plan.repo_type, branch)
    repository.ensure(private=private)
    _write_made(plan)
    there = repository.files()
    fresh = [file for file in plan.files if file.path not in there or not holds(there[file.path], file)]
    removed = sorted(_stray(plan, there))
    if tag is not None and (fresh or removed):
        repository.refuse_taken(tag)
    commit = _send(plan, repository, there, fresh, removed, report)
    commit = commit if commit is not None else repository.head()
    checked = _check(plan, repository, commit, report) if check else 0
    if tag is not None:
        repository.tag(tag, commit)
    slug = repository.collect(collection) if collection is not None else None
    sent = {file.path for file in fresh}
    return Published(
        commit=commit,
        url=f"{api.endpoint}/{'datasets/' if plan.repo_type == 'dataset' else ''}{plan.repo}",
        uploaded=tuple(file.path for file in fresh),
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


def _stray(plan: Plan, there: Mapping[str, str]) -> Iterator[str]:
    planned = {file.path for file in plan.files}
    for path in there:
        if path not in planned and path.startswith(plan.owned):
            yield path


def _send(
    plan: Plan,
    repository: Repository,
    there: Mapping[str, str],
    fresh: Sequence[PlannedFile],
    removed: Sequence[str],
    report: Report,
) -> str | None:
    total = sum(file.size for file in fresh)
    done = 0
    report(Progress("publish", done, total, unit="bytes"))
    batches = list(_batches([file for file in fresh if not file.last]))
    for number, batch in enumerate(batches, 1):
        repository.commit(batch, (), f"Data {number} of {len(batches)}: {len(batch)} files")
        done += sum(file.size for file in batch)
        report(Progress("publish", done, total, unit="bytes"))
    last = [file for file in fresh if file.last]
    if not last and not removed:
        return None
    commit = repository.commit(last, removed, *_message(plan, there, fresh, removed))
    report(Progress("publish", total, total, unit="bytes"))
    return commit


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
    """Return the last commit's title and text: what changed since the repository was last looked at."""
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
