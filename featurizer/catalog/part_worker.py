"""The parts of a catalog, made by actors of a Ray cluster: each fetches the pictures of its share of them."""

from __future__ import annotations

import platform
from dataclasses import dataclass, is_dataclass, replace
from importlib.metadata import version
from pathlib import Path

import pyarrow.parquet as pq

from featurizer.actors import Cluster, Told, actors, check_alike, check_unchanged
from featurizer.catalog.arrivals import Arrivals
from featurizer.catalog.images import ImageFetcher
from featurizer.catalog.images.options import FetchOptions
from featurizer.catalog.parts import PartPlan, Share, write_parts
from featurizer.errors import FeaturizerError
from featurizer.progress import Progress, Report, silent
from featurizer.records import Json
from featurizer.results.files import PARTIAL, remove_leftovers
from featurizer.results.stage import STAGE_FILE

LIBRARIES = ("aiohttp", "pillow", "pyarrow")
"""What the bytes of a part depend on."""


@dataclass
class PartWorker:
    """Makes its share of the parts of a plan: every n-th, in one pass over the source.

    Attributes:
        plan: what is made.
        options: how each fetches.
    """

    plan: PartPlan
    options: FetchOptions

    def told(self) -> Told:
        """Say with what it would make parts.

        Raises:
            FeaturizerError: it does not see the folder that the parts are written into.
        """
        if not (self.plan.folder / STAGE_FILE).exists():
            raise FeaturizerError(
                f"{platform.node()} does not see {self.plan.folder}; expected a file system that all machines share"
            )
        libraries: dict[str, Json] = {name: version(name) for name in LIBRARIES}
        try:
            return Told.of({"libraries": libraries, "source": self.plan.source.identity})
        except FeaturizerError as error:
            raise FeaturizerError(f"{platform.node()}: {error}") from error

    def write(self, share: Share, expected: str) -> None:
        """Make the parts of a share that are not there.

        Args:
            share: which.
            expected: as in `Worker.write`.
        """
        check_unchanged(self.told(), expected)
        options = replace(self.options, per_host=max(1, self.options.per_host // share.of))
        try:
            with ImageFetcher(options) as fetcher:
                records = ((record, [None] * len(record.images)) for record in self.plan.source)
                write_parts(self.plan, Arrivals(fetcher, silent), records, share)
        except FeaturizerError as error:
            raise FeaturizerError(f"{platform.node()}: {error}") from error


def make_on_ray(plan: PartPlan, cluster: Cluster, options: FetchOptions, report: Report) -> None:
    """Have actors make the parts of a claimed catalog, a share each.

    Args:
        plan: what is made.
        cluster: where, and how many.
        options: how pictures are fetched; of the requests to one host each actor has its share.
        report: told how far it is.

    Raises:
        FeaturizerError: an actor cannot go on; what has arrived is kept.
    """
    done: dict[Path, int] = {}

    def tell() -> None:
        for path in (plan.folder / "items").glob("*.parquet"):
            done[path] = done.get(path) or pq.read_metadata(path).num_rows
        report(Progress("catalog", sum(done.values()), note="as far as parts are complete"))

    here = PartWorker(plan, options).told()
    # without what it has open, and has read of its files: a worker reads those that it sees
    source = replace(plan.source) if is_dataclass(plan.source) else plan.source
    sent = replace(plan, source=source, folder=plan.folder.absolute())
    with actors(PartWorker, [sent, options], cluster, threads=1) as workers:
        check_alike([here, workers.told])
        of = len(workers.handles)
        for _ in workers.make([Share(number, of) for number in range(1, of + 1)], "share", tell):
            tell()
    remove_leftovers(plan.folder.rglob(f".*{PARTIAL}"), alone=True)  # of actors that died
