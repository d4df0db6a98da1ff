"""A web server on 127.0.0.1 that misbehaves on purpose: real sockets, real broken connections."""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Request(BaseHTTPRequestHandler):
    """One request in hand; a behavior is a function that answers it."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self):
        site = self.server.site
        with site.lock:
            site.hits[self.path] += 1
            site.headers.setdefault(self.path, []).append(dict(self.headers))
            site.open_now += 1
            site.most_open = max(site.most_open, site.open_now)
        try:
            with suppress(ConnectionError):
                site.routes.get(self.path.split("?")[0], answer(b"no such page", status=404))(self)
                self.wfile.flush()
        finally:
            with site.lock:
                site.open_now -= 1

    def head(self, status, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def hang_up(self):
        self.wfile.flush()
        self.close_connection = True

    def log_message(self, *_):
        pass


Behavior = Callable[[Request], None]


class Site:
    """Routes, and what was asked of them: `hits` a path, its request `headers`, `most_open` at once."""

    def __init__(self):
        self.lock = threading.Lock()
        self.routes: dict[str, Behavior] = {}
        self.hits: Counter[str] = Counter()
        self.headers: dict[str, list[dict[str, str]]] = {}
        self.open_now = self.most_open = 0
        self.base = ""

    def at(self, path, behavior):
        """Serve `behavior` at `path`; return the address."""
        self.routes[path] = behavior
        return self.base + path


class Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *_):
        """A client that hangs up is no news."""


@contextmanager
def serve():
    """Run a `Site` for the length of the block."""
    site = Site()
    with Listener(("127.0.0.1", 0), Request) as listener:
        listener.site = site
        site.base = f"http://127.0.0.1:{listener.server_port}"
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield site
        finally:
            listener.shutdown()
            thread.join()


def answer(body, *, status=200, **headers) -> Behavior:
    """Answer with this body and these headers (underscores for hyphens)."""

    def behave(request):
        request.head(status, **{"Content_Length": len(body), **headers})
        request.wfile.write(body)

    return behave


def in_turn(*behaviors: Behavior) -> Behavior:
    """Take the next behavior at each request, and the last one for ever."""
    left, lock = list(behaviors), threading.Lock()

    def behave(request):
        with lock:
            chosen = left.pop(0) if len(left) > 1 else left[0]
        chosen(request)

    return behave


def redirect(to) -> Behavior:
    return answer(b"", status=302, Location=to)


def drop_after(body, count, **headers) -> Behavior:
    """Promise the whole body, send `count` bytes of it and hang up."""

    def behave(request):
        request.head(200, Content_Length=len(body), **headers)
        request.wfile.write(body[:count])
        request.hang_up()

    return behave


def refuse() -> Behavior:
    """Hang up without a word."""
    return lambda request: request.hang_up()


def trickle(body, seconds) -> Behavior:
    """Send a byte at a time, one every `seconds`, until the client has had enough."""

    def behave(request):
        request.head(200, Content_Length=len(body))
        for byte in body:
            request.wfile.write(bytes([byte]))
            request.wfile.flush()
            time.sleep(seconds)

    return behave


def wait_then(seconds, then: Behavior) -> Behavior:
    def behave(request):
        time.sleep(seconds)
        then(request)

    return behave


def endless() -> Behavior:
    """Send zeros in chunks for as long as the client reads."""

    def behave(request):
        request.head(200, Transfer_Encoding="chunked")
        while True:
            request.wfile.write(b"10000\r\n" + bytes(65536) + b"\r\n")

    return behave


def ranged(body, *, etag=None, stop_after=None) -> Behavior:
    """Serve a file with Range and If-Range as the RFC has it; hang up after `stop_after` bytes of a body."""

    def behave(request):
        asked = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        start = int(asked[1]) if asked else 0
        if request.headers.get("If-Range", etag) != etag:
            start = 0
        tags = {"ETag": etag} if etag else {}
        if start >= len(body) and start:
            request.head(416, Content_Length=0, Content_Range=f"bytes */{len(body)}", **tags)
            return
        if start:
            tags["Content_Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        request.head(206 if start else 200, Content_Length=len(body) - start, **tags)
        rest = body[start:]
        request.wfile.write(rest if stop_after is None else rest[:stop_after])
        if stop_after is not None and stop_after < len(rest):
            request.hang_up()

    return behave
