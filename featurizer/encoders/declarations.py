"""What a model's folder or repository says of it in files of JSON: read, known to be missing, or asked for in vain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from huggingface_hub import try_to_load_from_cache
from transformers.utils.hub import cached_file

from featurizer.encoders.base import EncoderRequest
from featurizer.encoders.weights import local_folder
from featurizer.errors import ModelUnavailable


def read_declaration(place: str, name: str, request: EncoderRequest, family: str) -> Any:  # noqa: ANN401 - whatever the JSON holds
    """Read a file that may be missing, in which case a model declares nothing there.

    Args:
        place: the folder, or the repository's name on the Hub.
        name: the file's path in it.
        request: the model.
        family: the family's name, for the message.

    Raises:
        ModelUnavailable: the Hub cannot be asked for the file, and its cache does not know whether there is one.
    """
    path = cached_file(
        place,
        name,
        revision=request.revision,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )
    if path is not None:
        return json.loads(Path(path).read_text("utf-8"))
    if local_folder(request) is None and not _known_missing(place, name, request.revision):
        raise ModelUnavailable(
            f"{family}:{request.model}: the Hub could not be asked for {name}, where a model declares its pooling, "
            "normalization and prompt, and without what is declared its vectors would be another model's. Load it once "
            "with a network, so that the cache knows; or download the whole repository into a folder and name that: "
            f"--encoder {family}:./folder."
        )
    return None


def _known_missing(repo: str, name: str, revision: str | None) -> bool:
    """Say whether the Hub's cache holds the answer that the repository has no such file."""
    return not isinstance(try_to_load_from_cache(repo, name, revision=revision), str | None)
