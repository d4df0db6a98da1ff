"""How pictures are fetched: how many at once, how long, how large."""

from __future__ import annotations

from dataclasses import dataclass, field

from featurizer.catalog.retry import RetryPolicy


@dataclass(frozen=True, slots=True)
class FetchOptions:
    """How many pictures at once, how patient with a server, and how large a picture may be.

    Attributes:
        concurrency: requests in flight over all hosts.
        per_host: requests in flight to one host.
        connect_timeout: seconds to reach a server.
        read_timeout: seconds between two pieces of a body.
        total_timeout: seconds for one try as a whole, against servers that trickle.
        max_redirects: redirects followed for one picture.
        max_bytes: a larger body is dropped as `too_large`, at the latest when it has grown so far.
        decode_threads: threads that read files and check pictures by decoding them.
        retry: when to try again.
    """

    concurrency: int = 64
    per_host: int = 32
    connect_timeout: float = 10.0
    read_timeout: float = 20.0
    total_timeout: float = 90.0
    max_redirects: int = 5
    max_bytes: int = 32 * 2**20
    decode_threads: int = 4
    retry: RetryPolicy = field(default_factory=RetryPolicy)
