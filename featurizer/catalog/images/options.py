"""How pictures are fetched: how many at once, how long, how large, and from where."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from featurizer.catalog.retry import USER_AGENT, RetryPolicy, is_sendable
from featurizer.errors import InputError


@dataclass(frozen=True, slots=True)
class FetchOptions:
    """How many pictures at once, how patient with a server, and how large a picture may be.

    Attributes:
        concurrency: requests in flight over all hosts.
        per_host: requests in flight to one host; a host that is overloaded gets fewer.
        connect_timeout: seconds to reach a server.
        read_timeout: seconds between two pieces of a body.
        total_timeout: seconds for one try as a whole, redirects among it.
        slowest: bytes a second that a body must come with on the whole, once `slow_start` is over.
        hang: seconds after which a request that is not over is not counted as one of `concurrency`, lest those that
            hang hold up the others; in all there may be four times as many.
        slow_start: seconds that a body may take however slow it is.
        max_redirects: redirects followed for one picture.
        max_bytes: a larger body is dropped as `too_large`, at the latest when it has grown so far.
        max_held: bytes of bodies that are held at once, those that are arriving and those that wait to be decoded: half
            of it in shares of small ones, a quarter for what large ones are larger, the rest for one of the largest.
        decode_threads: threads that read files and look at pictures; by default one a core, at most four.
        user_agent: who asks, as servers are told.
        allow_private_hosts: whether addresses of one's own network may be asked.
        give_up_after: a host that never answered is given up when so many different addresses of it failed; one that
            did, when four times as many did since.
        give_up_seconds: and when that has lasted so long.
        retry: when to try again.

    Raises:
        InputError: who asks cannot be said in a header.
    """

    concurrency: int = 64
    per_host: int = 32
    connect_timeout: float = 10.0
    read_timeout: float = 20.0
    total_timeout: float = 90.0
    slowest: int = 1024
    slow_start: float = 10.0
    hang: float = 2.0
    max_redirects: int = 5
    max_bytes: int = 32 * 2**20
    max_held: int = 128 * 2**20
    decode_threads: int = field(default_factory=lambda: min(4, os.cpu_count() or 1))
    user_agent: str = USER_AGENT
    allow_private_hosts: bool = False
    give_up_after: int = 5
    give_up_seconds: float = 5.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)

    def __post_init__(self) -> None:
        """Check what is sent."""
        if not is_sendable(self.user_agent):
            raise InputError(
                f"user_agent is {self.user_agent!r}; expected printable ASCII, as a header of HTTP can hold it. Give a "
                "name and an address where you can be reached"
            )

    @property
    def head_timeout(self) -> float:
        """Seconds until an answer begins, however it drips in."""
        return self.connect_timeout + self.read_timeout

    @property
    def share(self) -> int:
        """What a picture counts for at least: four times as many may be held as are usually in flight."""
        return self.max_held // (8 * self.concurrency)
