"""Catalogues of items held in memory, written by the real stage."""

from featurizer.catalog.build import CatalogOptions
from featurizer.catalog.images import ImageFetcher
from featurizer.catalog.ingest import ingest


class ListSource:
    def __init__(self, records):
        self.records = records
        self.extra = {}
        self.identity = {"records": len(records)}

    def __iter__(self):
        return iter(self.records)


def catalogue(folder, records, part_rows=7):
    with ImageFetcher() as fetcher:
        return ingest(ListSource(records), folder, CatalogOptions(part_rows=part_rows), fetcher=fetcher)
