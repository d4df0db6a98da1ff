"""Whether a repository on the Hub answers; who loads from a folder needs none of this."""

from __future__ import annotations

from contextlib import suppress

import httpx2
import stamina
from huggingface_hub import get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import EntryNotFoundError


@stamina.retry(on=httpx2.TransportError, attempts=3, wait_initial=0.2, wait_max=1.0)
def reach(repo: str, revision: str | None, file: str) -> None:
    """Ask the Hub for one file's headers; the file itself need not be there, the repository must."""
    with suppress(EntryNotFoundError):
        get_hf_file_metadata(hf_hub_url(repo, file, revision=revision))
