"""The source that locations name: tables, a folder of pictures or of tables, a data set of the Hub."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from featurizer.catalog.column_names import ColumnNames
from featurizer.catalog.folder import FolderSource
from featurizer.catalog.hub_source import HubSource
from featurizer.catalog.item_pictures import MOST_IMAGES
from featurizer.catalog.locations import expanded, tables_in
from featurizer.catalog.named_pictures import PICTURES
from featurizer.catalog.source import ItemSource
from featurizer.catalog.survey import OnDuplicate, OnMissing
from featurizer.catalog.table import TableSource
from featurizer.errors import InputError
from featurizer.tables.reading import AS_FOUND, Reading

HUB = "hf:"
USUAL_NAMES = ColumnNames()


def open_source(
    location: str | Sequence[str],
    names: ColumnNames = USUAL_NAMES,
    *,
    images: Path | None = None,
    base: Path | None = None,
    reading: Reading = AS_FOUND,
    config: str | None = None,
    on_duplicate: OnDuplicate = "error",
    on_missing_id: OnMissing = "error",
    max_images: int = MOST_IMAGES,
) -> ItemSource:
    """Return the source that locations name: tables, a folder of pictures or tables, `hf:ORG/NAME[@revision]`.

    Args:
        location: where the items are; several tables make one source.
        names: which column is which field.
        images: of a table, the folder that its pictures lie in; of a folder, another that links in it may lead to.
        base: where a table's picture paths start without such a folder; None for the table's own.
        reading: how tables are written, and which split of a data set is read.
        config: of a Hub data set, its configuration.
        on_duplicate: what becomes of rows with one id.
        on_missing_id: what becomes of rows without.
        max_images: pictures that an item keeps.

    Raises:
        InputError: there is no such file or folder, or it cannot be read.
    """
    locations = (location,) if isinstance(location, str) else tuple(location)
    if any(one.startswith(HUB) for one in locations):
        if len(locations) > 1:
            raise InputError(
                f"found {', '.join(locations)}; expected one data set of the Hub, or tables only"
            )
        repo, _, revision = locations[0].removeprefix(HUB).partition("@")
        return HubSource(
            repo,
            names,
            reading.split,
            config,
            revision or None,
            on_duplicate=on_duplicate,
            on_missing_id=on_missing_id,
            max_images=max_images,
        )
    paths: list[Path] = []
    for path in expanded(locations):
        try:
            if path.is_dir():
                next(path.iterdir(), None)
                tables = tables_in(path, PICTURES, reading.split)
                if not tables and len(locations) == 1:
                    return FolderSource(path, images)
                if not tables:
                    raise InputError(f"{path} is a folder of pictures; expected it alone, or tables only")
                paths += tables
            else:
                with path.open("rb"):
                    paths.append(path)
        except PermissionError as error:
            raise InputError(f"{path} may not be read: {error.strerror}. Check its permissions.") from error
    return TableSource(
        paths[0] if len(paths) == 1 else tuple(paths),
        names,
        images,
        base,
        reading,
        on_duplicate,
        on_missing_id,
        max_images,
    )
