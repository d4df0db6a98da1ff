"""From what a user names to a source: a table, a folder of pictures, or a Hub data set."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from featurizer.catalog.columns import ColumnNames
from featurizer.catalog.folder import FolderSource
from featurizer.catalog.hub import HubSource
from featurizer.catalog.source import ItemSource
from featurizer.catalog.table import TableSource
from featurizer.errors import InputError

HUB = "hf:"


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How a user's source is read: chosen columns, the picture folder, and for the Hub split and configuration."""

    names: ColumnNames = field(default_factory=ColumnNames)
    images: Path | None = None
    split: str = "train"
    config: str | None = None


def open_source(location: str, options: SourceOptions) -> ItemSource:
    """Return the source that `location` names: a table file, a folder of pictures, `hf:ORG/NAME[@revision]`.

    Raises:
        InputError: there is no such file or folder, or it cannot be read.
    """
    if location.startswith(HUB):
        repo, _, revision = location.removeprefix(HUB).partition("@")
        return HubSource(repo, options.names, options.split, options.config, revision or None)
    path = Path(location).expanduser()
    try:
        if path.is_dir():
            next(path.iterdir(), None)
            return FolderSource(path)
        if path.is_file():
            with path.open("rb"):
                return TableSource(path, options.names, options.images)
    except PermissionError as error:
        raise InputError(f"{path} may not be read: {error.strerror}. Check its permissions.") from error
    raise InputError(f"{path} does not exist; expected a table, a folder of pictures, or hf:ORG/NAME")
