"""Fetch again what failed, and put what now arrives into its rows; all else stays as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from featurizer.catalog.arrivals import Arrivals
from featurizer.catalog.build import OWNED, describe_parts
from featurizer.catalog.images import ImageFetcher
from featurizer.catalog.store import Catalog, part_path
from featurizer.catalog.stored_pictures import told_columns, told_pictures
from featurizer.progress import Report, silent
from featurizer.records import NO_FAILURE, ImageRef, ItemRecord, Json
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

    A picture that fails again keeps the reason that it had, unless it had not been asked for, or that reason might have
    passed (`timeout`) and the one now will not (`http_404`). The catalog is made
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
    refs = {record.item_id: record.images for record in source or () if record.item_id in wanted}
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
    """Return the items any of whose pictures failed."""
    return {
        row["item_id"]
        for path in catalog.parts
        for row in _rows(path).to_pylist()
        if any(status not in NO_FAILURE for status, _ in told_pictures(row))
    }


def _rows(path: Path) -> pa.Table:
    """Return what a part tells of its pictures, without them."""
    return pq.read_table(path, columns=["item_id", *told_columns(pq.read_schema(path))])


def _ask_again(path: Path, refs: Mapping[str, Sequence[ImageRef]], arrivals: Arrivals) -> None:
    rows = _rows(path)
    failed = [
        ((number, place), _where(refs.get(row["item_id"], ()), place, url))
        for number, row in enumerate(rows.to_pylist())
        for place, (status, url) in enumerate(told_pictures(row))
        if status not in NO_FAILURE
    ]
    arrivals.skip(rows.num_rows - sum(place == 0 for (_, place), _ in failed))
    if not failed:
        return
    part = arrivals.open(path, again=True)
    asks = [part.ask(slot, ref) for slot, ref in failed]
    part.close(rows)
    arrivals.submit([ask for ask in asks if ask is not None])


def _where(refs: Sequence[ImageRef], place: int, url: str | None) -> ImageRef:
    """Return where a picture is to be had: as the source says, unless it carries it; else the address recorded."""
    known = refs[place] if place < len(refs) else ImageRef()
    return known if known.path is not None or known.url is not None else ImageRef(url=url)
