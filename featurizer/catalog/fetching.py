"""The options of fetching pictures that a person may set, the same for every command that fetches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from featurizer.catalog.retry import USER_AGENT, is_sendable
from featurizer.config import Config

if TYPE_CHECKING:
    from featurizer.catalog.images.options import FetchOptions


def _sendable(name: str) -> str:
    if not is_sendable(name):
        raise ValueError("expected printable ASCII, as a header of HTTP can hold it")
    return name


class Fetching(Config):
    """How pictures are fetched from the web; none of it changes what a picture is."""

    concurrency: Annotated[int, Field(ge=1, le=1024)] = 64
    """Pictures fetched at once."""
    per_host: Annotated[int, Field(ge=1)] = 32
    """Of these from one host; one that is overloaded gets fewer."""
    timeout: Annotated[float, Field(gt=0)] = 90.0
    """Seconds that one try may take; 10 of them to connect, 20 without a byte."""
    max_bytes: Annotated[int, Field(ge=1)] = 32 * 2**20
    """Larger pictures are dropped."""
    user_agent: Annotated[str, AfterValidator(_sendable)] | None = None
    """Who asks, as servers are told.  [default: featurizer and its version]"""
    allow_private_hosts: bool = False
    """Ask hosts of your own network and this machine too; only for addresses that you trust."""

    def options(self) -> FetchOptions:
        """Return all options of a fetcher."""
        from featurizer.catalog.images.options import FetchOptions

        usual = FetchOptions()
        return FetchOptions(
            concurrency=self.concurrency,
            per_host=self.per_host,
            connect_timeout=min(usual.connect_timeout, self.timeout),
            read_timeout=min(usual.read_timeout, self.timeout),
            total_timeout=self.timeout,
            max_bytes=self.max_bytes,
            user_agent=self.user_agent or USER_AGENT,
            allow_private_hosts=self.allow_private_hosts,
        )
