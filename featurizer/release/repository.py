"""One repository of the Hub: what is there, what goes there, and what came of it."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from featurizer.catalog.retry import RetryPolicy
from featurizer.errors import HubError
from featurizer.release.hub import T, ask, refusal
from featurizer.release.plan import PlannedFile, RepoType
from featurizer.results.files import file_sha256

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.hf_api import DatasetInfo, ModelInfo

MAIN = "main"
MOVED = 412
"""The Hub's answer where the branch is no longer at the parent that was named."""
SHA256 = 64
"""Digits of a sha256; git's own hashes are shorter."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository and the branch that is written.

    Attributes:
        api: the Hub's client.
        name: ORG/NAME.
        kind: dataset or model.
        branch: where commits go.
        policy: how stubbornly the Hub is asked.
        account: whose token it is, for messages.
    """

    api: HfApi
    name: str
    kind: RepoType
    branch: str
    policy: RetryPolicy
    account: str = ""

    def _ask(self, request: Callable[[], T], *, what: str, conflicts: bool = False) -> T:
        return ask(
            request,
            what=what,
            repo=self.name,
            policy=self.policy,
            account=self.account,
            conflicts=conflicts,
        )

    def ensure(self, *, public: bool, private: bool) -> None:
        """Create repository and branch where they are not there yet; a new one is private unless it is to be public.

        Raises:
            HubError: not allowed; or the repository is there and public where private was asked, or the other way.
        """
        found = self._info()
        if found is None:
            self._ask(
                lambda: self.api.create_repo(
                    self.name, repo_type=self.kind, private=not public, exist_ok=True
                ),
                what="create the repository",
            )
        elif public and found.private:
            raise HubError(f"{self.name} is there already and private; make it public in its settings first")
        elif private and not found.private:
            raise HubError(
                f"{self.name} is there already and public; choose another --repo, or make it private in its settings"
            )
        if self.branch != MAIN:
            self._ask(
                lambda: self.api.create_branch(
                    self.name, branch=self.branch, repo_type=self.kind, exist_ok=True
                ),
                what=f"create the branch {self.branch}",
            )

    def _info(self) -> DatasetInfo | ModelInfo | None:
        from huggingface_hub.errors import RepositoryNotFoundError

        def look() -> DatasetInfo | ModelInfo | None:
            try:
                ask = self.api.dataset_info if self.kind == "dataset" else self.api.model_info
                return ask(self.name)
            except RepositoryNotFoundError as error:
                # 401 is also what a rejected token gets; only the Hub's own 404 says that nothing is there
                refused = refusal(error)
                if refused is not None and refused.response.status_code == 404:
                    return None
                raise

        return self._ask(look, what="look for the repository")

    def files(self, revision: str | None = None) -> dict[str, str]:
        """Return the hash of each file at a revision, by path: LFS files' sha256, git's hash of the others.

        Args:
            revision: a commit; None for what the branch holds now.
        """
        from huggingface_hub.hf_api import RepoFile

        def read() -> dict[str, str]:
            tree = self.api.list_repo_tree(
                self.name, recursive=True, revision=revision or self.branch, repo_type=self.kind
            )
            return {
                entry.path: entry.lfs.sha256 if entry.lfs else entry.blob_id
                for entry in tree
                if isinstance(entry, RepoFile)
            }

        return self._ask(read, what="list the repository's files")

    def head(self) -> str:
        """Return the branch's commit."""
        ask = self.api.dataset_info if self.kind == "dataset" else self.api.model_info
        found = self._ask(lambda: ask(self.name, revision=self.branch), what="read the branch's commit")
        if found.sha is None:
            raise HubError(
                f"the Hub names no commit of {self.name} at {self.branch}; run the same command again"
            )
        return found.sha

    def upload(self, files: Sequence[PlannedFile]) -> None:
        """Send what goes into the Hub's storage, and nothing that it has; before the commit no reader sees it."""

        def send() -> None:
            additions = [_addition(file) for file in files]  # new at every try: the client marks used ones
            self._preupload(additions)

        self._ask(send, what=f"take {len(files)} files")

    def _preupload(self, additions: list[CommitOperationAdd]) -> None:
        self.api.preupload_lfs_files(
            self.name, additions, repo_type=self.kind, revision=self.branch, num_threads=4
        )

    def commit(
        self, files: Sequence[PlannedFile], removed: Sequence[str], message: tuple[str, str], *, parent: str
    ) -> str:
        """Move the branch by one commit, from the one that was looked at, and return the new one.

        Args:
            files: all that is new; what `upload` sent is not sent again.
            removed: paths that the branch holds and shall not.
            message: title and text.
            parent: the commit that the branch is at.

        Raises:
            HubError: refused; or somebody else has committed to the branch meanwhile.
        """
        from huggingface_hub import CommitOperationDelete
        from huggingface_hub.errors import HfHubHTTPError

        def send() -> str:
            additions = [_addition(file) for file in files]
            self._preupload(additions)
            # a model's item vectors are Parquet on purpose
            warnings.filterwarnings("ignore", "It seems that you are about to commit a data file")
            return self.api.create_commit(
                self.name,
                [*additions, *(CommitOperationDelete(path, is_folder=False) for path in removed)],
                commit_message=message[0],
                commit_description=message[1],
                repo_type=self.kind,
                revision=self.branch,
                parent_commit=parent,
            ).oid

        def send_once() -> str:
            try:
                return send()
            except HfHubHTTPError as error:
                if error.response.status_code != MOVED:
                    raise
                return self._arrived(files, removed)

        return self._ask(send_once, what=f"take {len(files)} files", conflicts=True)

    def _arrived(self, files: Sequence[PlannedFile], removed: Sequence[str]) -> str:
        """Return the branch's commit where it is this one, whose answer was lost.

        Raises:
            HubError: it is somebody else's.
        """
        commit = self.head()
        there = self.files(commit)
        whole = all(file.path in there and holds(there[file.path], file) for file in files)
        if not whole or any(path in there for path in removed):
            raise HubError(
                f"somebody else committed to {self.name} at {self.branch} while this was sent (now at {commit[:12]}); "
                "nothing of theirs was changed. Look at what they published, then run the same command again"
            )
        return commit

    def tag(self, name: str, commit: str) -> None:
        """Give a commit a tag.

        Raises:
            HubError: the tag is another commit's.
        """
        held = self._tagged(name)
        if held == commit:
            return
        if held is not None:
            raise self._taken(name, held)
        self._ask(
            lambda: self.api.create_tag(
                self.name, tag=name, revision=commit, repo_type=self.kind, exist_ok=True
            ),
            what=f"make the tag {name}",
        )

    def refuse_taken(self, name: str) -> None:
        """Refuse a tag that is there, before anything is sent that it could not be given to.

        Raises:
            HubError: the repository has the tag.
        """
        held = self._tagged(name)
        if held is not None:
            raise self._taken(name, held)

    def _tagged(self, name: str) -> str | None:
        refs = self._ask(
            lambda: self.api.list_repo_refs(self.name, repo_type=self.kind), what="list the repository's tags"
        )
        return next((ref.target_commit for ref in refs.tags if ref.name == name), None)

    def _taken(self, name: str, held: str) -> HubError:
        return HubError(
            f"{self.name} has the tag {name} already, at commit {held[:12]}, and that is not what is published now; a "
            "tag never moves: choose another --tag"
        )

    def collect(self, title: str) -> str:
        """Put the repository into the collection of that title in its namespace; return the collection's slug."""
        namespace = self.name.split("/")[0]

        def put() -> str:
            collection = self.api.create_collection(title, namespace=namespace, exists_ok=True)
            self.api.add_collection_item(collection.slug, self.name, self.kind, exists_ok=True)
            return collection.slug

        return self._ask(put, what=f"add to the collection {title}")

    def fetch(self, path: str, commit: str, folder: Path) -> Path:
        """Download one file of a commit into a folder, past every cache, and return where it lies."""

        def read() -> str:
            return self.api.hf_hub_download(
                self.name,
                path,
                repo_type=self.kind,
                revision=commit,
                local_dir=folder,
                force_download=True,
            )

        return Path(self._ask(read, what=f"send {path}"))


def _addition(file: PlannedFile) -> CommitOperationAdd:
    from huggingface_hub import CommitOperationAdd

    file.check_unchanged()
    content = io.BytesIO(file.content) if file.content is not None else None
    addition = CommitOperationAdd(file.path, str(file.source) if content is None else content.getvalue())
    addition.upload_info.sha256 = bytes.fromhex(
        file.sha256
    )  # known: the file is not read once more to hash it
    return addition


def holds(remote: str, file: PlannedFile) -> bool:
    """Say whether a hash, as the Hub lists it, is that of a planned file's content."""
    if len(remote) == SHA256:
        return remote == file.sha256
    content = file.content if file.content is not None else Path(str(file.source)).read_bytes()
    return remote == _git_hash(content)


def is_whole(path: Path, remote: str) -> bool:
    """Say whether a file is there and its hash is this one, as the Hub or a manifest gives it."""
    if not path.is_file():
        return False
    return remote == (file_sha256(path) if len(remote) == SHA256 else _git_hash(path.read_bytes()))


def _git_hash(content: bytes) -> str:
    """Return the hash that git gives the content of a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
