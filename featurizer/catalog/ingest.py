"""Anyone's items to a catalog: a table, a folder of pictures, or a Hub data set."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from featurizer.catalog.build import OWNED, build_catalog, check_items
from featurizer.catalog.column_names import ColumnNames, told_mapping
from featurizer.catalog.folder import FolderSource
from featurizer.catalog.hub_source import HubSource
from featurizer.catalog.images import ImageFetcher
from featurizer.catalog.interactions import (
    InteractionFiles,
    SplitOptions,
    write_known_interactions,
)
from featurizer.catalog.item_pictures import MOST_IMAGES
from featurizer.catalog.locations import expanded, tables_in
from featurizer.catalog.named_pictures import PICTURES as SUFFIXES
from featurizer.catalog.old_catalog import Gone, OldCatalog
from featurizer.catalog.retry_failed import retry_failed
from featurizer.catalog.source import ItemSource
from featurizer.catalog.store import PART_ROWS, Catalog
from featurizer.catalog.survey import OnDuplicate, OnMissing
from featurizer.catalog.table import TableSource
from featurizer.catalog.text import TextRecipe
from featurizer.discretion import public, throughout
from featurizer.errors import InputError
from featurizer.progress import Report, silent
from featurizer.records import Json
from featurizer.results.exchange import restore
from featurizer.results.names import CATALOG
from featurizer.results.replacing import begun_beside, put_in_place
from featurizer.results.spelling import renamed
from featurizer.results.stage import Stage, differing_keys
from featurizer.tables.reading import AS_FOUND, Reading

HUB = "hf:"
FEW_GONE = 10
"""So many items an update may drop whatever their share."""
PICTURES = "content.images "
"""Begins the difference between two configurations whose pictures on this disk differ."""
USUAL_NAMES, USUAL_TEXT, UNSPLIT = ColumnNames(), TextRecipe(), SplitOptions(k_core=0)
logger = logging.getLogger(__name__)


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
                tables = tables_in(path, SUFFIXES, reading.split)
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


def ingest(
    source: ItemSource,
    out: Path,
    *,
    fetcher: ImageFetcher,
    recipe: TextRecipe = USUAL_TEXT,
    origin: Mapping[str, Json] | None = None,
    part_rows: int = PART_ROWS,
    interactions: InteractionFiles | None = None,
    split: SplitOptions = UNSPLIT,
    overwrite: bool = False,
    retry: bool = False,
    update: bool = False,
    gone: Gone = "drop",
    max_gone: float = 1.0,
    report: Report = silent,
) -> Catalog:
    """Make the catalog of a source, with `interactions.parquet` beside its items when interactions are given.

    Args:
        source: the items.
        out: the folder.
        fetcher: brings the pictures.
        recipe: how the text is rendered.
        origin: what the manifest says of the source: name, license, ….
        part_rows: items a part file.
        interactions: who used what.
        split: how its rows are made dense and split, where they come without a split.
        overwrite: replace what the folder holds.
        update: take what is unchanged from the catalog in the folder, which the new one takes the place of.
        gone: whether its items that the source has no more are kept, marked as withdrawn.
        max_gone: so large a share of its items may be dropped; few (`FEW_GONE`) always may.
        retry: ask once more for the pictures that failed; the files of this machine among them may have changed.
        report: told how far it is.

    Raises:
        InputError: the source or the interactions cannot be used, or an update would drop more items than it may.
        StaleOutput: `out` holds another catalog.
    """
    recipe.check(source.extra)
    told = throughout(dict(origin or {}), public)
    about: dict[str, Json] = {
        "content": source.identity,
        "source": told,
        "text_recipe": recipe.model_dump(),
        "images": True,
        "part_rows": part_rows,
        **({"gone": gone} if gone != "drop" else {}),
        **({"max_images": getattr(source, "max_images", None)} if getattr(source, "several", False) else {}),
    }
    pairs = None
    # read before the folder is claimed and a picture fetched: what is wrong shows at once
    if isinstance(source, TableSource):
        source.check()
    elif isinstance(source, HubSource):
        logger.info("%s", told_mapping(source.mapping, [*source.extra]))
    if interactions is not None:
        about["interactions"] = interactions.described(split)
        pairs = interactions.split(split)
    stage = Stage(out, CATALOG, about, OWNED, updates=True)
    if overwrite and (out / CATALOG).exists():
        check_items(source)
    if retry and not overwrite and not update and (made := _with_other_pictures(out, about)) is not None:
        return retry_failed(made, fetcher=fetcher, source=source, config=about, report=report)
    old = None
    if update and not overwrite and _is_finished(out):
        old = OldCatalog(Catalog.open(out))
        _refuse_less(old.catalog, dict(getattr(source, "mapping", {})), interactions)
        beside = begun_beside(out, CATALOG, about, old.catalog.identity)
        stage = Stage(beside, CATALOG, about, OWNED)
        if gone == "drop" and not isinstance(source, HubSource):  # which is asked for nothing twice
            _meet(old, source)
            _refuse_loss(old, max_gone)
    if stage.claim(overwrite=overwrite) and old is None:
        logger.info("%s is finished already: nothing to do", out)
        return Catalog.open(out)

    def write(parts: Sequence[Path]) -> dict[str, Json]:
        assert pairs is not None
        return write_known_interactions(pairs, stage.folder, parts)

    made = build_catalog(
        source,
        stage,
        recipe=recipe,
        origin=told,
        fetcher=fetcher,
        part_rows=part_rows,
        report=report,
        historian=write if pairs is not None else None,
        old=old,
        gone=gone,
    )
    if old is not None and gone == "drop":
        _refuse_loss(old, max_gone)
    if old is not None:  # which has asked for what failed, too
        put_in_place(out, (*OWNED, CATALOG))
        return Catalog.open(out)
    return retry_failed(made, fetcher=fetcher, source=source, report=report) if retry else made


def _refuse_less(old: Catalog, fields: Mapping[str, str], interactions: InteractionFiles | None) -> None:
    """Refuse an update that would lose what the catalog has by options that were not given again.

    Raises:
        InputError: it has interactions, or fields, that are not asked for now.
    """
    if old.manifest.interactions is not None and interactions is None:
        raise InputError(
            f"{old.folder} has interactions, and none are given now; give them again (--interactions), or make the "
            "catalog anew with --overwrite"
        )
    lost = {name: column for name, column in old.manifest.mapping.items() if name not in fields}
    if lost:
        told = ", ".join(f"{name} ← {column}" for name, column in lost.items())
        options = " ".join(f"--{name.replace('_', '-')}-column" for name in lost)
        raise InputError(
            f"{old.folder} was made with {told}, and no column is taken for that now; give the options again "
            f"({options}), or make the catalog anew with --overwrite"
        )


def _meet(old: OldCatalog, source: ItemSource) -> None:
    """Note which items the source has still, before anything is fetched."""
    if isinstance(source, TableSource):
        for item in source.item_ids():
            old.meet(item)
    else:
        for record in source:
            old.meet(record.item_id)


def _refuse_loss(old: OldCatalog, most: float) -> None:
    """Refuse an update that drops so many items that it may be an accident; the old catalog stays in its place.

    Raises:
        InputError: it does.
    """
    lost, catalog = old.lost, old.catalog
    if lost > max(most * catalog.rows, FEW_GONE):
        raise InputError(
            f"{lost:,} of the {catalog.rows:,} items of {catalog.folder} are not in the source any more, more than the "
            f"share of {most:g} that an update may drop, lest half a file empty a catalog. Nothing is changed. If that "
            "is meant, allow more with --max-gone 1, or keep them with --gone keep"
        )


def _is_finished(out: Path) -> bool:
    restore(out)
    return (out / CATALOG).exists()


def _with_other_pictures(out: Path, about: Mapping[str, Json]) -> Catalog | None:
    """Return the finished catalog of this configuration, whatever pictures lay on this disk then; None if not there."""
    if not (out / CATALOG).exists():
        return None
    made = Catalog.open(out)
    differing = differing_keys(renamed(made.manifest.config), json.loads(json.dumps(dict(about))))
    return made if all(name.startswith(PICTURES) for name in differing) else None
