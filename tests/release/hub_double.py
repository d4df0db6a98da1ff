"""A Hub on 127.0.0.1 in a process of its own, which speaks what huggingface_hub speaks, and can be told to fail.

`POST /__faults__` takes a list of `{"method", "path", "status", "headers", "body", "drop_after", "after", "skip",
"times"}` (`after`: do what was asked, then answer so; `meanwhile`: somebody commits these files just before; `behind`:
wait until somebody has committed to the data set, then do what was asked);
`POST /__foreign__` commits files, `{"name", "files": {path: text or null}}`, as somebody else would;
`GET /__log__` tells every request and what the repositories hold.
"""

import json
import re
import socket
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.release.hub_routes import ROUTES, Ask
from tests.release.hub_store import Refused, Store


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def answer(self):
        ask = Ask(self, self.command)
        if ask.path.startswith("/__"):
            return self.control(ask)
        fault = self.server.site.fault(ask)
        length = int(self.headers.get("Content-Length") or 0)
        if fault is not None and "drop_after" in fault:
            self.rfile.read(min(length, fault["drop_after"]))
            return self.break_off(ask)
        ask.body = (
            self.chunked() if self.headers.get("Transfer-Encoding") == "chunked" else self.rfile.read(length)
        )
        if fault is not None and fault.get("behind"):
            self.server.site.await_commit("/".join(ask.path.split("/")[3:5]))
            fault = None
        if fault is not None and not fault.get("after") and "meanwhile" not in fault:
            return self.send(
                ask, fault["status"], fault.get("body", "told to fail").encode(), fault.get("headers", {})
            )
        with self.server.site.lock:
            if fault is not None and "meanwhile" in fault:
                self.server.site.store.somebody("/".join(ask.path.split("/")[3:5]), fault["meanwhile"])
            self.serve(ask, lost=fault.get("status") if fault else None)
        return None

    do_GET = do_POST = do_PUT = do_HEAD = answer

    def chunked(self):
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def serve(self, ask, lost=None):
        """Do what is asked; where the answer is `lost`, tell that status instead."""
        for method, pattern, answer in ROUTES:
            found = pattern.fullmatch(ask.path)
            if found and ask.method in method.split("|"):
                ask.match = found.groupdict()
                try:
                    result = answer(ask)
                except Refused as refused:
                    body = refused.headers.pop("body", {"error": refused.message})
                    code = {"X-Error-Code": refused.code} if refused.code else {}
                    told = {"X-Error-Message": refused.message} if refused.message else {}
                    return self.send(
                        ask, refused.status, json.dumps(body).encode(), {**code, **told, **refused.headers}
                    )
                content, headers = result if isinstance(result, tuple) else (result, {})
                content = content if isinstance(content, bytes) else json.dumps(content).encode()
                return self.send(ask, lost or 200, content, headers)
        return self.send(ask, 404, b'{"error": "no such page"}', {})

    def send(self, ask, status, body, headers):
        self.server.site.log.append([ask.method, ask.path, status, len(ask.body)])
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        total = len(body)
        if asked and status == 200:
            start, stop = int(asked[1]), min(int(asked[2] or total - 1), total - 1)
            status, body = 206, body[start : stop + 1]
            headers = {**headers, "Content-Range": f"bytes {start}-{stop}/{total}"}
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if ask.method != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def break_off(self, ask):
        self.server.site.log.append([ask.method, ask.path, "dropped", 0])
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def control(self, ask):
        ask.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.dumps(self.server.site.control(ask.path, json.loads(ask.body or b"null"))).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_):
        pass


class Site:
    def __init__(self):
        self.lock = threading.Lock()
        self.control("/__reset__", None)

    def control(self, path, value):
        if path == "/__reset__":
            self.store, self.faults, self.log, self.waiting = Store(), [], [], 0
        if path == "/__faults__":
            self.faults = value
            self.log.clear()
        if path == "/__foreign__":
            self.store.somebody(value["name"], value["files"])
        if path == "/__chunks__":
            self.store.chunk_size = value
        repos = {
            f"{kind}s/{name}": {
                "private": repo.private, "tags": repo.tags, "branches": repo.branches, "history": repo.history,
                "files": {b: {p: f.sha256 for p, f in repo.commits[c].items()} for b, c in repo.branches.items()},
            }
            for (kind, name), repo in self.store.repos.items()
        }  # fmt: skip
        return {
            "log": self.log, "repos": repos, "collections": self.store.collections, "waiting": self.waiting,
        }  # fmt: skip

    def await_commit(self, name):
        """Hold a request until the data set has a commit more than now; it is on its way for a minute at most."""
        history = self.store.repos["dataset", name].history
        before, self.waiting = len(history), 600
        while len(history) == before and self.waiting:
            time.sleep(0.1)
            self.waiting -= 1
        self.waiting = 0

    def fault(self, ask):
        with self.lock:
            for fault in self.faults:
                if fault["method"] != ask.method or not re.search(fault["path"], ask.path):
                    continue
                if fault.get("skip", 0) > 0:
                    fault["skip"] -= 1
                elif fault.get("times", 1) > 0:
                    fault["times"] = fault.get("times", 1) - 1
                    return fault
        return None


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A connection that was broken on purpose is no news."""


if __name__ == "__main__":
    with Server(("127.0.0.1", 0), Handler) as server:
        server.site = Site()
        sys.stdout.write(f"{server.server_port}\n")
        sys.stdout.flush()
        threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown()), daemon=True).start()
        server.serve_forever(poll_interval=0.05)
