"""Anyone's items to a catalog: a table, a folder of pictures, or a Hub data set."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from featurizer.actors import Cluster
from featurizer.catalog.build import OWNED, build_catalog, check_items
from featurizer.catalog.column_names import told_mapping
from featurizer.catalog.hub_source import HubSource
from featurizer.catalog.images import ImageFetcher
from featurizer.catalog.interactions import (
    InteractionFiles,
    SplitOptions,
    write_known_interactions,
)
from featurizer.catalog.old_catalog import Gone, OldCatalog
from featurizer.catalog.retry_failed import retry_failed
from featurizer.catalog.source import ItemSource
from featurizer.catalog.store import PART_ROWS, Catalog
from featurizer.catalog.table import TableSource
from featurizer.catalog.text import TextRecipe
from featurizer.catalog.update_limits import meet, refuse_less, refuse_loss
from featurizer.discretion import public, throughout
from featurizer.progress import Report, silent
from featurizer.records import Json
from featurizer.results.exchange import restore
from featurizer.results.names import CATALOG
from featurizer.results.replacing import begun_beside, put_in_place
from featurizer.results.spelling import renamed
from featurizer.results.stage import Stage, differing_keys

PICTURES = "content.images "
"""Begins the difference between two configurations whose pictures on this disk differ."""
USUAL_TEXT, UNSPLIT = TextRecipe(), SplitOptions(k_core=0)
logger = logging.getLogger(__name__)


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
    cluster: Cluster | None = None,
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
        cluster: of Ray, whose workers fetch the pictures of what is no update; None for this process.
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
        refuse_less(old.catalog, source, interactions)
        beside = begun_beside(out, CATALOG, about, old.catalog.identity)
        stage = Stage(beside, CATALOG, about, OWNED)
        if gone == "drop" and not isinstance(source, HubSource):  # which is asked for nothing twice
            meet(old, source)
            refuse_loss(old, max_gone)
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
        cluster=cluster,
    )
    if old is not None and gone == "drop":
        refuse_loss(old, max_gone)
    if old is not None:  # which has asked for what failed, too
        put_in_place(out, (*OWNED, CATALOG))
        return Catalog.open(out)
    return retry_failed(made, fetcher=fetcher, source=source, report=report) if retry else made


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
