"""Fetch again what failed, and put what now arrives into its rows; all else stays as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow.parquet as pq

from featurizer.catalog.arrivals import Arrivals
from featurizer.catalog.build import OWNED, describe_parts
from featurizer.catalog.images import ImageFetcher
from featurizer.catalog.store import Catalog, part_path
from featurizer.progress import Report, silent
from featurizer.records import NONE, OK, ImageRef, ItemRecord, Json
from featurizer.results.names import CATALOG
from featurizer.results.replacing import begun_beside, link, put_in_place
from featurizer.results.spelling import read_manifest
from featurizer.results.stage import Stage


def retry_failed(
    catalog: Catalog,
    *,
    fetcher: ImageFetcher,
    source: Iterable[ItemRecord] | None = None,
    config: Mapping[str, Json] | None = None,
    report: Report = silent,
) -> Catalog:
    """Fetch again every picture that failed, and put those that now arrive into their rows.

    A picture that fails again keeps the reason that it had, unless it had not been asked for. The catalog is made
    beside the old one, of the same files where nothing changes, and takes its place in the end. A kill leaves the old
    one, and what has arrived by then is kept for the next time.

    Args:
        catalog: a finished one.
        fetcher: brings the pictures.
        source: where each picture is to be had, logins and files of this machine included; None for the addresses in
            the catalog, which have no logins.
        config: what the catalog is made under, where the pictures on this disk have changed; None for what it was.
        report: told how far it is.
    """
    wanted = _failed(catalog)
    if not wanted:
        return catalog
    refs = {
        record.item_id: record.image
        for record in source or ()
        if record.item_id in wanted and record.image.data is None
    }
    before = read_manifest(catalog.folder / CATALOG)
    config = config or catalog.manifest.config
    stage = Stage(
        begun_beside(catalog.folder, CATALOG, config, {**catalog.identity, "by": "retry"}),
        CATALOG,
        config,
        OWNED,
    )
    if not stage.claim(overwrite=False):
        for name in OWNED:
            if (catalog.folder / name).exists():
                link(catalog.folder / name, stage.folder / name, replace=False)
        parts = [part_path(stage.folder, index) for index in range(len(catalog.parts))]
        with Arrivals(fetcher, report) as arrivals:
            for path in parts:
                _ask_again(path, refs, arrivals)
        kept = {key: value for key, value in before.items() if key != "update"}
        stage.finish({**kept, **describe_parts(parts, arrivals.hashes)})
    put_in_place(catalog.folder, (*OWNED, CATALOG))
    return Catalog.open(catalog.folder)


def _failed(catalog: Catalog) -> set[str]:
    ids, statuses = (catalog.column(name).to_pylist() for name in ("item_id", "image_status"))
    return {item for item, status in zip(ids, statuses, strict=True) if status not in (OK, NONE)}


def _ask_again(path: Path, refs: Mapping[str, ImageRef], arrivals: Arrivals) -> None:
    rows = pq.read_table(path, columns=["item_id", "image_url", "image_status"])
    failed = [
        (number, row) for number, row in enumerate(rows.to_pylist()) if row["image_status"] not in (OK, NONE)
    ]
    arrivals.skip(rows.num_rows - len(failed))
    if not failed:
        return
    part = arrivals.open(path, again=True)
    asks = [
        part.ask(number, refs.get(row["item_id"]) or ImageRef(url=row["image_url"])) for number, row in failed
    ]
    part.close(rows)
    arrivals.submit([ask for ask in asks if ask is not None])
