"""A server that misbehaves on purpose, on as many addresses of 127.0.0.0/8 as are wanted, in a process of its own.

    with faults(hosts=40) as site:
        address = site.address("cut", 7, host=3)
        …
        site.counts().hits["/cut/7.jpg"]

What each kind does, and what the picture's row should say, stands in `tests.servers.kinds`.
"""

import argparse
import asyncio
import contextlib
import datetime
import ipaddress
import json
import os
import re
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import urllib.request
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.behaviors import HANG_UP, RESET, Asked, reply, status
from tests.servers.kinds import KINDS

COUNTS = "/-counts"
MISSING = status(404)
TLS_RECORD = b"\x16"
TLS_PORTS = ("tls", "expired", "other")


@dataclass(frozen=True)
class Counts:
    """How often each path was asked for, and how many connections each host was opened, of them at once at most."""

    hits: Counter
    connections: Counter
    most_open: Counter

    @property
    def requests(self):
        return self.hits.total()


@dataclass(frozen=True)
class FaultSite:
    """The addresses of the server.

    Attributes:
        hosts: where it listens.
        ports: `port` (plain), `tls`, `expired`, `other` and `dead`, where nobody listens, all on every host.
        dead: a host where nobody listens at any port.
        full: a host that takes no connection, and refuses none.
        certificates: a file of all its certificates, for who wants to trust them (SSL_CERT_FILE).
    """

    hosts: tuple[str, ...]
    ports: dict[str, int]
    dead: str
    full: str
    certificates: str

    def address(self, kind, number=0, host=0):
        """Return the address of a picture; numbers make it one of its own."""
        place = self.hosts[host % len(self.hosts)]
        return KINDS[kind].address.format(host=place, kind=kind, n=number, **self.ports)

    def dead_address(self, number=0):
        return f"http://{self.dead}:{self.ports['port']}/{number}.jpg"

    def full_address(self, number=0):
        return f"http://{self.full}:{self.ports['port']}/{number}.jpg"

    def counts(self):
        """Return what has been asked of the server so far."""
        with urllib.request.urlopen(f"http://{self.hosts[0]}:{self.ports['port']}{COUNTS}") as answer:
            told = json.load(answer)
        return Counts(*(Counter(told[name]) for name in ("hits", "connections", "most_open")))


@contextmanager
def faults(hosts=1):
    """Run the server for the length of the block."""
    command = [sys.executable, "-m", "tests.servers.faults", "--hosts", str(hosts)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root) as process:
        told = json.loads(process.stdout.readline())
        try:
            yield FaultSite(tuple(told.pop("hosts")), **told)
        finally:
            process.stdin.close()  # it ends when nobody holds the other end
            process.wait(10)


class Server:
    """Answers by the first part of the path, and counts."""

    def __init__(self, ports):
        self.ports = ports
        self.hits, self.connections, self.open, self.most_open = Counter(), Counter(), Counter(), Counter()

    async def serve(self, reader, writer):
        """Answer the requests of one connection."""
        host, port = writer.get_extra_info("sockname")
        self.connections[host] += 1
        self.open[host] += 1
        self.most_open[host] = max(self.most_open[host], self.open[host])
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                while await self._answer(host, port, reader, writer):
                    pass
        finally:
            self.open[host] -= 1
            with contextlib.suppress(OSError):
                writer.close()

    async def _answer(self, host, port, reader, writer):
        start = await reader.readexactly(1)
        if start == TLS_RECORD:
            await self._send(reply(400, b"This is plain HTTP."), writer)
            return False
        request = start + await reader.readuntil(b"\r\n\r\n")
        parts = request.split(b" ", 2)
        if len(parts) < 3:
            return False
        path = parts[1].decode("latin-1")
        if path == COUNTS:
            return await self._send(self._counts(), writer)
        self.hits[path] += 1
        found = re.match(r"/([\w-]+)/(\d*)", path)
        kind = KINDS.get(found[1]) if found else None
        behavior = MISSING if kind is None or kind.behavior is None else kind.behavior
        number = int(found[2] or 0) if found else 0
        asked = Asked(path, number, self.hits[path], host, port, self.ports["dead"])
        answer = behavior(asked)
        if isinstance(answer, bytes):
            return await self._send(answer, writer)
        sending = asyncio.ensure_future(self._send_pieces(answer, writer))
        while not (sending.done() or reader.at_eof()):  # a client that has had enough goes
            await asyncio.wait({sending}, timeout=0.1)
        return await sending if sending.done() else sending.cancel() and False

    async def _send(self, data, writer):
        writer.write(data)
        await writer.drain()
        return True

    async def _send_pieces(self, pieces, writer):
        async for piece in pieces:
            if piece is HANG_UP:
                return False
            if piece is RESET:
                reset(writer)
                return False
            await self._send(piece, writer)
        return True

    def _counts(self):
        told = {"hits": self.hits, "connections": self.connections, "most_open": self.most_open}
        data = json.dumps(told).encode()
        return b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(data) + data


def reset(writer):
    """Close with a reset instead of an end."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def free_port(hosts):
    """Return a port that is free on all of these hosts."""
    while True:
        with contextlib.ExitStack() as stack:
            first = stack.enter_context(socket.create_server((hosts[0], 0)))
            port = first.getsockname()[1]
            try:
                for host in hosts[1:]:
                    stack.enter_context(socket.create_server((host, port)))
            except OSError:
                continue
            return port


def filled(host, port):
    """Return sockets that keep a host's queue full: a further connection is neither taken nor refused."""
    listener = socket.create_server((host, port), backlog=0)
    waiting = []
    for _ in range(4):
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex((host, port))
        waiting.append(one)
    return [listener, *waiting]


def context(name, folder, *, days=1, host="127.0.0.1"):
    """Return a TLS context with a certificate that signs itself, valid until so many days from now."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    numeric = host.replace(".", "").isdigit()
    named = x509.IPAddress(ipaddress.ip_address(host)) if numeric else x509.DNSName(host)
    until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(until - datetime.timedelta(days=30))
        .not_valid_after(until)
        .add_extension(x509.SubjectAlternativeName([named]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path, pem = Path(folder, name), serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.with_suffix(".key").write_bytes(secret)
    path.with_suffix(".crt").write_bytes(certificate.public_bytes(pem))
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(path.with_suffix(".crt"), path.with_suffix(".key"))
    return made


async def run(count):
    """Listen, tell where, and go on until standard input ends."""
    hosts = [f"127.0.0.{number}" for number in range(1, count + 1)]
    ports = {name: free_port(hosts) for name in ("port", *TLS_PORTS, "dead")}
    server = Server(ports)
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # clients that go in mid-handshake
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        contexts = {
            "port": None,
            "tls": context("tls", folder),
            "expired": context("expired", folder, days=-1),
            "other": context("other", folder, host="127.9.9.9"),
        }
        for name, tls in contexts.items():
            await asyncio.start_server(server.serve, hosts, ports[name], ssl=tls, backlog=1024)
        for one in filled("127.0.1.1", ports["port"]):
            stack.enter_context(one)
        bundle = Path(folder, "certificates.pem")
        bundle.write_text("".join(path.read_text() for path in Path(folder).glob("*.crt")))
        told = {
            "hosts": hosts,
            "ports": ports,
            "dead": "127.0.1.2",
            "full": "127.0.1.1",
            "certificates": str(bundle),
        }
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)
    os._exit(0)  # whoever still waits for a silent one waits for nothing


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--hosts", type=int, default=1)
    asyncio.run(run(parser.parse_args().hosts))
