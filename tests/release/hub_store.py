"""What a Hub double holds: accounts, repositories with commits, LFS objects, collections."""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatch

import yaml

REGULAR_LIMIT = 10 * 1024**2
"""Larger files go to LFS whatever they are called, as on the Hub."""
PACKED = [
    "7z", "arrow", "bin", "bz2", "ckpt", "ftz", "gz", "h5", "joblib", "lfs.*", "lz4", "mds", "mlmodel",
    "model", "msgpack", "npy", "npz", "onnx", "ot", "parquet", "pb", "pickle", "pkl", "pt", "pth", "rar",
    "safetensors", "tar.*", "tar", "tflite", "tgz", "wasm", "xz", "zip", "zst",
]  # fmt: skip
MEDIA = [
    "pcm", "sam", "raw", "aac", "flac", "mp3", "ogg", "wav", "bmp", "gif", "png", "tiff", "jpg", "jpeg",
    "webp", "mp4", "webm",
]  # fmt: skip
ATTRIBUTES = {"model": PACKED, "dataset": [*PACKED, *MEDIA]}
"""What a new repository's `.gitattributes` sends to LFS, by its kind."""
NOW = datetime(2026, 1, 1, tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status, message, code=None, **headers):
        super().__init__(message)
        self.status, self.message, self.code, self.headers = status, message, code, headers


@dataclass
class File:
    content: bytes
    lfs: bool

    @property
    def blob(self):
        content = self.content
        if self.lfs:
            head = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\n"
            content = f"{head}size {len(self.content)}\n".encode()
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()

    @property
    def sha256(self):
        return hashlib.sha256(self.content).hexdigest()

    def listed(self, path):
        entry = {"type": "file", "path": path, "size": len(self.content), "oid": self.blob}
        return entry | (
            {"lfs": {"oid": self.sha256, "size": len(self.content), "pointerSize": 130}} if self.lfs else {}
        )


@dataclass
class Repo:
    kind: str
    name: str
    private: bool
    commits: dict = field(default_factory=dict)
    history: list = field(default_factory=list)
    branches: dict = field(default_factory=dict)
    tags: dict = field(default_factory=dict)

    def resolve(self, revision):
        commit = self.branches.get(revision) or self.tags.get(revision) or revision
        if commit not in self.commits:
            raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return commit

    def record(self, branch, files, title, description):
        parent = self.branches.get(branch, "")
        listing = json.dumps(
            [parent, title, len(self.history), sorted((p, f.sha256) for p, f in files.items())]
        )
        commit = hashlib.sha1(listing.encode()).hexdigest()
        self.commits[commit] = files
        self.branches[branch] = commit
        self.history.append({"commit": commit, "branch": branch, "title": title, "description": description})
        return commit


class Store:
    """Everything; the methods are the Hub's own operations, without HTTP."""

    def __init__(self):
        self.accounts = {
            "hf_writer": {"name": "ann", "orgs": ["org"], "write": True},
            "hf_reader": {"name": "bob", "orgs": ["org"], "write": False},
        }
        self.repos, self.objects, self.parts, self.collections = {}, {}, {}, {}
        self.chunk_size = None

    def account(self, token):
        if token not in self.accounts:
            raise Refused(401, "Invalid credentials in Authorization header")
        return self.accounts[token]

    def writer(self, token, namespace):
        account = self.account(token)
        if not account["write"] or namespace not in (account["name"], *account["orgs"]):
            raise Refused(403, f"You don't have the rights to write to {namespace} with token {token}")
        return account

    def create(self, token, asked):
        namespace = asked.get("organization") or self.account(token)["name"]
        if namespace not in ("org", "ann", "bob", "other"):
            raise Refused(404, f"no such user or organization: {namespace}")
        self.writer(token, namespace)
        key = (asked.get("type", "model"), f"{namespace}/{asked['name']}")
        if key in self.repos:
            raise Refused(409, "You already created this repo")
        self.repos[key] = Repo(*key, private=asked.get("visibility") == "private")
        patterns = [*(f"*.{name}" for name in ATTRIBUTES[key[0]]), "saved_model/**/*", "*tfevents*"]
        lines = [f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in patterns]
        first = {".gitattributes": File("".join(lines).encode(), lfs=False)}
        self.repos[key].record("main", first, "initial commit", "")
        return self.repos[key]

    def repo(self, kind, name, token):
        repo = self.repos.get((kind, name))
        if repo is None or (repo.private and token not in self.accounts):
            raise Refused(
                404 if token in self.accounts or repo is None else 401, "Repository not found", "RepoNotFound"
            )
        return repo

    def preupload(self, repo, revision, files):
        there = repo.commits[repo.resolve(revision)]
        answers = []
        for file in files:
            lfs = file["size"] > REGULAR_LIMIT or _matches(file["path"], there.get(".gitattributes"))
            old = there.get(file["path"])
            oid = None if old is None else old.sha256 if old.lfs else old.blob
            mode = "lfs" if lfs else "regular"
            answers.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        return {"files": answers}

    def put(self, oid, content):
        if hashlib.sha256(content).hexdigest() != oid:
            raise Refused(400, "The SHA256 of the content is not the one that was announced")
        self.objects[oid] = content

    def complete(self, oid, parts):
        pieces = self.parts.get(oid, {})
        if [pieces.get(part["partNumber"], ("",))[0] for part in parts] != [part["etag"] for part in parts]:
            raise Refused(400, "parts do not fit their etags")
        self.put(oid, b"".join(pieces[part["partNumber"]][1] for part in parts))

    def commit(self, repo, branch, lines):
        header = next(line["value"] for line in lines if line["key"] == "header")
        parent = header.get("parentCommit")
        if parent is not None and parent != repo.branches[branch]:
            raise Refused(412, "A commit has happened since. Please refresh and try again.")
        files = dict(repo.commits[repo.resolve(branch)])
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = File(base64.b64decode(value["content"]), lfs=False)
            elif line["key"] == "lfsFile":
                if value["oid"] not in self.objects:
                    raise Refused(400, f"LFS object {value['oid']} was not uploaded")
                files[value["path"]] = File(self.objects[value["oid"]], lfs=True)
            elif line["key"] == "deletedFile" and files.pop(value["path"], None) is None:
                raise Refused(404, "A file with this name doesn't exist", "EntryNotFound")
        return repo.record(branch, files, header["summary"], header["description"])

    def somebody(self, name, changes):
        """Commit texts by path, None for what goes, to a data set's main, whoever made it."""
        key = ("dataset", name)
        if key not in self.repos:
            self.repos[key] = Repo(*key, private=False)
        repo = self.repos[key]
        files = dict(repo.commits.get(repo.branches.get("main"), {}))
        for path, text in changes.items():
            if text is None:
                del files[path]
            else:
                files[path] = File(text.encode(), lfs=path.endswith(".parquet"))
        repo.record("main", files, "by somebody", "")

    def branch(self, repo, name):
        if name in repo.branches:
            raise Refused(409, "Reference already exists")
        repo.branches[name] = repo.branches["main"]

    def tag(self, repo, name, revision):
        if name in repo.tags:
            raise Refused(409, "Tag reference exists already")
        repo.tags[name] = repo.resolve(revision)

    def collection(self, title, namespace):
        slug = f"{namespace}/{title.lower().replace(' ', '-')}-{'0' * 24}"
        if slug in self.collections:
            raise Refused(409, "exists", body={"slug": slug})
        self.collections[slug] = {
            "slug": slug, "title": title, "owner": {"name": namespace}, "items": [], "lastUpdated": NOW, "position": 0,
            "private": False, "theme": "blue", "upvotes": 0,
        }  # fmt: skip
        return self.collections[slug]

    def collect(self, slug, item):
        items = self.collections[slug]["items"]
        if any(one["id"] == item["id"] for one in items):
            raise Refused(409, "Item already in collection")
        items.append({"_id": str(len(items)), **item, "position": len(items)})
        return self.collections[slug]


def _matches(path, attributes):
    """Say whether a repository's `.gitattributes` sends a file to LFS."""
    lines = attributes.content.decode().splitlines() if attributes is not None else []
    patterns = [line.split()[0] for line in lines if "filter=lfs" in line]
    name = path.rpartition("/")[2]
    return any(fnmatch(path if "/" in pattern else name, pattern) for pattern in patterns)


def check_card(content):
    """Refuse a card as the Hub's YAML check does: no YAML, or a license that it does not know."""
    from featurizer.release.licenses import HUB

    try:
        head = yaml.safe_load(content.split("---\n")[1])
    except (IndexError, yaml.YAMLError) as error:
        return [{"message": f"bad YAML: {error}"}]
    license = head.get("license")
    return (
        []
        if license is None or license in HUB
        else [{"message": f'"license" must be one of …, got {license}'}]
    )
