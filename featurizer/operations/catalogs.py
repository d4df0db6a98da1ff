"""What `download` and `ingest` say of the catalog they made."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from featurizer.catalog.column_names import USUAL
from featurizer.operations.failed_pictures import failed_pictures
from featurizer.operations.operation import Outcome
from featurizer.records import NO_FAILURE, NONE, OK, Json
from featurizer.results.names import CATALOG
from featurizer.values import counted

if TYPE_CHECKING:
    from featurizer.catalog.store import Catalog
    from featurizer.results.manifests.catalog import SeveralPictures

MOST = 0.5
"""Where no --max-failures is given: so large a share of the pictures may fail."""


def failed_in(folder: Path) -> int | None:
    """Return how many pictures of a finished catalog failed; None where there is none."""
    from featurizer.catalog.store import Catalog

    return _failed(Catalog.open(folder).manifest.pictures) if (folder / CATALOG).exists() else None


def _failed(pictures: Mapping[str, int]) -> int:
    return sum(count for status, count in pictures.items() if status not in NO_FAILURE)


def catalog_outcome(
    catalog: Catalog, max_failures: int | None, *, updated: bool = False, failed_before: int | None = None
) -> Outcome[Catalog]:
    """Say what was made; exit code 3 when more pictures failed than allowed.

    Args:
        catalog: finished.
        max_failures: more are too many; None for half of the pictures.
        updated: whether this run brought it up to date.
        failed_before: so many pictures were asked for once more, where that was asked.
    """
    manifest, statuses = catalog.manifest.document(), catalog.manifest.image_status
    every = catalog.manifest.pictures
    failed = _failed(every)
    pictures = ", ".join(f"{count:,} {status}" for status, count in statuses.items())
    shown = {
        name: manifest.get(name)
        for name in ("rows", "with_text", "image_status", "images", "notes", "interactions")
        if name != "images" or catalog.manifest.images is not None
    }
    lines = [
        f"{catalog.folder}: {counted(catalog.rows, 'item', 'items')}; pictures: {pictures}; "
        f"{shown['with_text']:,} with text"
    ]
    if catalog.manifest.images is not None:
        lines.append(f"  {several_line(catalog.manifest.images)}")
    for name in ("notes", "interactions"):
        entries = shown[name]
        if isinstance(entries, dict) and entries:
            counts = {key: value for key, value in entries.items() if key != "sha256"}
            lines.append(f"  {name}: {_counted(counts)}")
    if catalog.manifest.update is not None:
        counts = catalog.manifest.update.model_dump()
        shown["update"] = counts
        lines.append(f"  {'update' if updated else 'last update'}: {_counted(counts)}")
    if failed_before is not None:
        came = failed_before - failed
        shown["retried"] = {"asked": failed_before, "came": came, "failed_again": failed}
        lines.append(
            f"  retried: {counted(failed_before, 'picture', 'pictures')}; {came:,} came, {failed:,} failed again"
        )
    if manifest.get("mapping"):
        unused = unused_columns(catalog)
        read = catalog.manifest.mapping
        taken: dict[str, Json] = {**dict.fromkeys(USUAL), **read}
        shown |= {"mapping": taken, "unused": [*unused]}
    record: dict[str, object] = {"out": str(catalog.folder), **shown}
    if failed:
        pictures_failed = failed_pictures(catalog)
        record["failures"] = pictures_failed.record()
        lines += pictures_failed.lines() if pictures_failed.is_low else []
    wanted = every.total() - every[NONE]
    allowed = int(MOST * wanted) if max_failures is None else max_failures
    excess = f"{failed:,} of {wanted:,} pictures failed, more than the {allowed:,} allowed (--max-failures)"
    return Outcome(
        catalog,
        _summary(catalog, every, failed),
        "\n".join(lines),
        record,
        (catalog.folder / "items",),
        advice=_next(catalog, pictured=OK in statuses, worded=bool(shown["with_text"])),
        warnings=(excess,) if failed > allowed else (),
        code=3 if failed > allowed else 0,
    )


def several_line(several: SeveralPictures) -> str:
    """Say how many items name several pictures, and what became of those beside the first."""
    named = counted(several.items, "item names", "items name")
    return f"{named} several pictures; beside the first: {_counted(several.further)}"


def unused_columns(catalog: Catalog) -> list[str]:
    """Return the columns of the source that are no field of an item, by the names that the catalog keeps them under."""
    from featurizer.catalog.schema import core_names

    core = core_names(catalog.schema)
    return [name for name in catalog.manifest.columns if name not in core]


def _counted(entries: Mapping[str, object]) -> str:
    return ", ".join(
        f"{key} {value:,}" if isinstance(value, int) else f"{key} {value}" for key, value in entries.items()
    )


def _summary(catalog: Catalog, statuses: Mapping[str, int], failed: int) -> str:
    parts = [
        counted(catalog.rows, "item", "items"),
        counted(statuses.get(OK, 0), "picture", "pictures"),
    ]
    parts += [f"{failed:,} failed"] if failed else []
    pairs = catalog.manifest.interactions
    if pairs is not None:
        parts.append(
            f"{counted(pairs.interactions, 'pair', 'pairs')} of {counted(pairs.users, 'user', 'users')}"
        )
    return ", ".join(parts)


def _next(catalog: Catalog, *, pictured: bool, worded: bool) -> tuple[str, ...]:
    fitting = [name for name, fits in (("efficientnet-lite0", pictured), ("minilm", worded)) if fits]
    if not fitting:
        return ()
    chosen = " ".join(f"--encoder {name}" for name in fitting)
    return (f"Next: featurizer extract {shlex.quote(str(catalog.folder))} {chosen} --out FEATURES",)
