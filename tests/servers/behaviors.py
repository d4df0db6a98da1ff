"""How a server answers: in order, in part, too late, too much, or with garbage."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from urllib.parse import unquote

from tests.servers import pictures

HANG_UP, RESET = object(), object()
"""What a behavior yields to end a connection in order, or out of it."""


@dataclass(frozen=True)
class Asked:
    """One request.

    Attributes:
        path: with its query.
        number: of the picture.
        times: how often the path has been asked for, this time included.
        host: who is asked.
        port: where.
        dead: a port of the host where nobody listens.
    """

    path: str
    number: int
    times: int
    host: str
    port: int
    dead: int

    @property
    def picture(self):
        return pictures.numbered(self.number)


Behavior = Callable[[Asked], bytes | AsyncIterator]


def head(status, *headers, reason="x"):
    return "\r\n".join([f"HTTP/1.1 {status} {reason}", *headers, "", ""]).encode("utf-8", "surrogateescape")


def reply(status, body, *headers):
    return head(status, f"Content-Length: {len(body)}", *headers) + body


def picture(*headers, status=200):
    return lambda asked: reply(status, asked.picture, "Content-Type: image/jpeg", *headers)


def body(data, *headers):
    return lambda asked: reply(200, data, *headers)


def status(code, *headers):
    return lambda asked: reply(code, b"no", *headers)


def bare(code, *headers):
    return lambda asked: head(code, *headers)


def raw(data):
    return lambda asked: data


def redirect(location, code=302):
    """Redirect; `{host}`, `{port}`, `{dead}` and `{n}` in the location are filled in."""

    def behave(asked):
        told = location.format(host=asked.host, port=asked.port, dead=asked.dead, n=asked.number)
        return reply(code, b"", f"Location: {told}")

    return behave


def wherever(asked):
    """Redirect to what stands behind the question mark."""
    return reply(302, b"", f"Location: {unquote(asked.path.partition('?')[2])}")


def chunks(data, size=500):
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


def closing(make):
    """Send what `make` makes of the request and hang up."""

    async def behave(asked):
        yield make(asked)
        yield HANG_UP

    return behave


def resetting(make):
    async def behave(asked):
        data = make(asked)
        if data:
            yield data
            await asyncio.sleep(0.02)  # a reset overtakes what is on its way
        yield RESET

    return behave


def silent(make=lambda asked: b""):
    """Send what `make` makes of the request, then nothing, until the client goes."""

    async def behave(asked):
        yield make(asked)
        await asyncio.sleep(3600)

    return behave


def dripping(make, seconds=0.2):
    async def behave(asked):
        for byte in make(asked):
            yield bytes([byte])
            await asyncio.sleep(seconds)

    return behave


def endless(start, piece):
    async def behave(asked):
        yield start
        while True:
            yield piece

    return behave


def first(times, behavior, then=None):
    """Answer so the first times that a path is asked for, then with the picture."""
    return lambda asked: (behavior if asked.times <= times else then or picture())(asked)


def later(seconds, make):
    async def behave(asked):
        await asyncio.sleep(seconds)
        yield make(asked)

    return behave


def in_pieces(make, size=64):
    async def behave(asked):
        data = make(asked)
        for start in range(0, len(data), size):
            yield data[start : start + size]
            await asyncio.sleep(0)

    return behave


def chain(left):
    """Redirect so many times more and then answer with the picture."""

    def behave(asked):
        step = int(asked.path.partition("?")[2] or left)
        if step == 0:
            return picture()(asked)
        return redirect(f"?{step - 1}")(asked)

    return behave


def forever(asked):
    return redirect(f"?{int(asked.path.partition('?')[2] or 0) + 1}")(asked)


def to_and_fro(asked):
    return redirect("?0" if asked.path.endswith("?1") else "?1")(asked)


def latin_1(asked):
    if "%FC" in asked.path.upper():
        return picture()(asked)
    return reply(302, b"", f"Location: /redirect_latin_1/{asked.number}\udcfc.jpg")


def whole(asked):
    return reply(200, asked.picture)


def cut(asked, kept=200):
    return whole(asked)[: len(whole(asked)) - len(asked.picture) + kept]


def chunked(asked):
    return head(200, "Transfer-Encoding: chunked") + chunks(asked.picture) + b"0\r\n\r\n"


def of_length(length):
    return lambda asked: head(200, f"Content-Length: {length}") + asked.picture


def packed(asked):
    return reply(200, gzip.compress(asked.picture, mtime=0), "Content-Encoding: gzip")
