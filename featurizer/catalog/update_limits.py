"""What an update may not do unasked: lose interactions, a field, or most of the items."""

from __future__ import annotations

from featurizer.catalog.interactions import InteractionFiles
from featurizer.catalog.old_catalog import OldCatalog
from featurizer.catalog.source import ItemSource
from featurizer.catalog.store import Catalog
from featurizer.catalog.table import TableSource
from featurizer.errors import InputError

FEW_GONE = 10
"""So many items an update may drop whatever their share."""


def refuse_less(old: Catalog, source: ItemSource, interactions: InteractionFiles | None) -> None:
    """Refuse an update that would lose what the catalog has by options that were not given again.

    A column that is there still and holds nothing any more is no option that was forgotten.

    Raises:
        InputError: it has interactions, or fields, that are not asked for now.
    """
    if old.manifest.interactions is not None and interactions is None:
        raise InputError(
            f"{old.folder} has interactions, and none are given now; give them again (--interactions), or make the "
            "catalog anew with --overwrite"
        )
    fields = source.sought if isinstance(source, TableSource) else getattr(source, "mapping", {})
    lost = {name: column for name, column in old.manifest.mapping.items() if name not in fields}
    if lost:
        told = ", ".join(f"{name} ← {column}" for name, column in lost.items())
        options = " ".join(f"--{name.replace('_', '-')}-column" for name in lost)
        raise InputError(
            f"{old.folder} was made with {told}, and no column is taken for that now; give the options again "
            f"({options}), or make the catalog anew with --overwrite"
        )


def meet(old: OldCatalog, source: ItemSource) -> None:
    """Note which items the source has still, before anything is fetched."""
    if isinstance(source, TableSource):
        for item in source.item_ids():
            old.meet(item)
    else:
        for record in source:
            old.meet(record.item_id)


def refuse_loss(old: OldCatalog, most: float) -> None:
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
