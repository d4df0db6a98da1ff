"""Anyone's items to a catalog: a table, a folder of pictures, or a Hub data set."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

from featurizer.catalog.build import OWNED, CatalogOptions, build_catalog
from featurizer.catalog.column_names import ColumnNames
from featurizer.catalog.folder import FolderSource
from featurizer.catalog.hub_source import HubSource
from featurizer.catalog.images import ImageFetcher
from featurizer.catalog.interactions import InteractionsFile, write_known_interactions
from featurizer.catalog.source import ItemSource
from featurizer.catalog.store import Catalog
from featurizer.catalog.table import TableSource
from featurizer.errors import InputError
from featurizer.progress import Report, silent
from featurizer.records import Json
from featurizer.results.names import CATALOG
from featurizer.results.stage import Stage

HUB = "hf:"
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How a user's source is read: columns, picture folder, Hub split and configuration, where picture paths start."""

    names: ColumnNames = field(default_factory=ColumnNames)
    images: Path | None = None
    split: str = "train"
    config: str | None = None
    base: Path | None = None


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
                return TableSource(path, options.names, options.images, options.base)
    except PermissionError as error:
        raise InputError(f"{path} may not be read: {error.strerror}. Check its permissions.") from error
    raise InputError(f"{path} does not exist; expected a table, a folder of pictures, or hf:ORG/NAME")


def ingest(
    source: ItemSource,
    out: Path,
    options: CatalogOptions,
    *,
    fetcher: ImageFetcher,
    history: InteractionsFile | None = None,
    overwrite: bool = False,
    report: Report = silent,
) -> Catalog:
    """Make the catalog of a source, with `interactions.parquet` beside its items when a history is given.

    Raises:
        InputError: the source or the history cannot be used.
        StaleOutput: `out` holds another catalog.
    """
    about: dict[str, Json] = {"content": source.identity, **options.as_json()}
    interactions = None
    if (
        history is not None
    ):  # read before the folder is claimed and a picture fetched: what is wrong shows at once
        about["interactions"] = history.as_json()
        interactions = history.read()
    stage = Stage(out, CATALOG, about, OWNED)
    if stage.claim(overwrite=overwrite):
        logger.info("%s is finished already: nothing to do", out)
        return Catalog.open(out)

    def write(item_ids: set[str]) -> dict[str, Json]:
        assert interactions is not None
        return write_known_interactions(interactions, out, item_ids)

    return build_catalog(
        source,
        stage,
        options,
        fetcher=fetcher,
        report=report,
        historian=write if interactions is not None else None,
    )
