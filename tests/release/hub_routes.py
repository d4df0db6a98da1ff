"""The requests that huggingface_hub makes, and how a Hub answers them."""

import json
import re
from urllib.parse import parse_qs, unquote, urlsplit

from tests.release.hub_store import Refused, check_card

API = r"/api/(?P<kind>dataset|model)s/(?P<name>[^/]+/[^/]+)"
RAW = r"/(?P<kind>datasets/)?(?P<name>[^/]+/[^/]+?)"
ROUTES = []


def route(method, pattern):
    def register(answer):
        ROUTES.append((method, re.compile(pattern), answer))
        return answer

    return register


class Ask:
    """One request: its parts, its body, and the ways to answer."""

    def __init__(self, handler, method):
        self.handler, self.method, self.site = handler, method, handler.server.site
        split = urlsplit(handler.path)
        self.path, self.query = unquote(split.path), parse_qs(split.query)
        self.token = (handler.headers.get("Authorization") or "").removeprefix("Bearer ")
        self.match, self.body = {}, b""

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def repo(self):
        kind = self.match["kind"] or "model"
        return self.site.store.repo(kind.removesuffix("s/"), self.match["name"], self.token)

    def writable(self):
        repo = self.repo
        self.site.store.writer(self.token, repo.name.split("/")[0])
        return repo

    def url(self, path):
        return f"http://127.0.0.1:{self.handler.server.server_port}{path}"

    def cdn(self, path):
        """Address on another host, as the Hub's own storage is: the client keeps its token from it."""
        return f"http://localhost:{self.handler.server.server_port}{path}"


@route("GET", "/api/whoami-v2")
def whoami(ask):
    account = ask.site.store.account(ask.token)
    return {"type": "user", "name": account["name"], "orgs": [{"name": name} for name in account["orgs"]]}


@route("GET", "/api/agent-harnesses")
def harnesses(ask):
    return {"harnesses": {}}


@route("POST", "/api/validate-yaml")
def validate_yaml(ask):
    errors = check_card(ask.json["content"])
    if errors:
        raise Refused(400, "invalid card", body={"errors": errors, "warnings": []})
    return {"errors": [], "warnings": []}


@route("POST", "/api/repos/create")
def create(ask):
    repo = ask.site.store.create(ask.token, ask.json)
    return {"url": ask.url(f"/{'datasets/' if repo.kind == 'dataset' else ''}{repo.name}")}


@route("GET", API + r"(/revision/(?P<rev>.+))?")
def info(ask):
    repo = ask.repo
    commit = repo.resolve(ask.match["rev"] or "main")
    files = [{"rfilename": path} for path in sorted(repo.commits[commit])]
    return {"id": repo.name, "sha": commit, "private": repo.private, "siblings": files, "tags": [], "downloads": 0,
            "likes": 0}  # fmt: skip


@route("GET", API + r"/tree/(?P<rev>[^/]+)(/(?P<folder>.+))?")
def tree(ask):
    repo = ask.repo
    files = repo.commits[repo.resolve(ask.match["rev"])]
    inside = f"{ask.match['folder']}/" if ask.match["folder"] else ""
    if inside and not any(path.startswith(inside) for path in files):
        raise Refused(404, "no such folder", "EntryNotFound")
    deep = ask.query.get("recursive", ["false"])[0].lower() == "true"
    shown = {path: file for path, file in sorted(files.items()) if path.startswith(inside)}
    folders = {
        path[: len(inside) + path[len(inside) :].index("/")] for path in shown if "/" in path[len(inside) :]
    }
    entries = [{"type": "directory", "path": path, "oid": "0" * 40, "size": 0} for path in sorted(folders)]
    return entries + [f.listed(path) for path, f in shown.items() if deep or "/" not in path[len(inside) :]]


@route("POST", API + r"/paths-info/(?P<rev>[^/]+)")
def paths_info(ask):
    repo = ask.repo
    files = repo.commits[repo.resolve(ask.match["rev"])]
    wanted = parse_qs(ask.body.decode()).get("paths", [])
    found = [files[path].listed(path) for path in wanted if path in files]
    folders = [path for path in wanted if any(name.startswith(f"{path}/") for name in files)]
    return found + [{"type": "directory", "path": path, "oid": "0" * 40, "size": 0} for path in folders]


@route("POST", API + r"/preupload/(?P<rev>[^/]+)")
def preupload(ask):
    return ask.site.store.preupload(ask.writable(), ask.match["rev"], ask.json["files"])


@route("POST", RAW + r"\.git/info/lfs/objects/batch")
def batch(ask):
    ask.writable()
    store, objects = ask.site.store, []
    for wanted in ask.json["objects"]:
        oid, size, header = wanted["oid"], wanted["size"], {}
        href = ask.url(f"/lfs/{oid}")
        if store.chunk_size and size > store.chunk_size:
            count = -(-size // store.chunk_size)
            header = {"chunk_size": str(store.chunk_size)}
            header |= {str(part): ask.url(f"/lfs/{oid}?part={part}") for part in range(1, count + 1)}
            href = ask.url(f"/lfs/{oid}/complete")
        verify = {"href": ask.url(f"/lfs/{oid}/verify")}
        actions = (
            {}
            if oid in store.objects
            else {"actions": {"upload": {"href": href, "header": header}, "verify": verify}}
        )
        objects.append({"oid": oid, "size": size, **actions})
    return {"transfer": "basic", "objects": objects}


@route("PUT", "/lfs/(?P<oid>[0-9a-f]{64})")
def put(ask):
    if "part" not in ask.query:
        ask.site.store.put(ask.match["oid"], ask.body)
        return b""
    part = int(ask.query["part"][0])
    etag = f'"{hash(ask.body) & 0xFFFFFFFF:08x}"'
    ask.site.store.parts.setdefault(ask.match["oid"], {})[part] = (etag, ask.body)
    return b"", {"ETag": etag}


@route("POST", "/lfs/(?P<oid>[0-9a-f]{64})/complete")
def complete(ask):
    ask.site.store.complete(ask.match["oid"], ask.json["parts"])
    return {}


@route("POST", "/lfs/(?P<oid>[0-9a-f]{64})/verify")
def verify(ask):
    if len(ask.site.store.objects.get(ask.json["oid"], b"")) != ask.json["size"]:
        raise Refused(404, "object is not there")
    return {}


@route("POST", API + r"/commit/(?P<rev>[^/]+)")
def commit(ask):
    repo = ask.writable()
    oid = ask.site.store.commit(repo, ask.match["rev"], [json.loads(line) for line in ask.body.splitlines()])
    return {"commitUrl": ask.url(f"/{repo.name}/commit/{oid}"), "commitOid": oid}


@route("GET", API + "/refs")
def refs(ask):
    repo = ask.repo
    listed = {
        word: [
            {"name": name, "ref": f"refs/{word}/{name}", "targetCommit": oid} for name, oid in found.items()
        ]
        for word, found in (("branches", repo.branches), ("tags", repo.tags))
    }
    return {**listed, "converts": []}


@route("POST", API + "/branch/(?P<branch>.+)")
def branch(ask):
    ask.site.store.branch(ask.writable(), ask.match["branch"])
    return {}


@route("POST", API + "/tag/(?P<rev>.+)")
def tag(ask):
    ask.site.store.tag(ask.writable(), ask.json["tag"], ask.match["rev"])
    return {}


@route("POST", "/api/collections")
def new_collection(ask):
    ask.site.store.writer(ask.token, ask.json["namespace"])
    return ask.site.store.collection(ask.json["title"], ask.json["namespace"])


@route("GET", "/api/collections/(?P<slug>.+)")
def collection(ask):
    return ask.site.store.collections[ask.match["slug"]]


@route("POST", "/api/collections/(?P<slug>.+)/items")
def collect(ask):
    return ask.site.store.collect(ask.match["slug"], ask.json["item"])


@route("HEAD|GET", RAW + "/resolve/(?P<rev>[^/]+)/(?P<file>.+)")
def resolve(ask):
    repo = ask.repo
    oid = repo.resolve(ask.match["rev"])
    file = repo.commits[oid].get(ask.match["file"])
    headers = {"X-Repo-Commit": oid}
    if file is None:
        raise Refused(404, "Entry not found", "EntryNotFound", **headers)
    if file.lfs:
        headers |= {"X-Linked-Etag": f'"{file.sha256}"', "X-Linked-Size": str(len(file.content))}
        raise Refused(302, "", Location=ask.cdn(f"/cdn/{repo.kind}/{repo.name}/{file.sha256}"), **headers)
    return file.content, {**headers, "ETag": f'"{file.blob}"'}


@route("HEAD|GET", "/cdn/(?P<kind>dataset|model)/(?P<name>[^/]+/[^/]+)/(?P<oid>.+)")
def cdn(ask):
    return ask.site.store.objects[ask.match["oid"]], {
        "ETag": f'"{ask.match["oid"]}"',
        "Accept-Ranges": "bytes",
    }
