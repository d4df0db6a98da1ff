"""Catalogs of items held in memory, written by the real stage."""

from featurizer.catalog.images import ImageFetcher
from featurizer.catalog.ingest import ingest


class ListSource:
    def __init__(self, records, extra=None):
        self.records = records
        self.extra = extra or {}
        self.identity = {"records": len(records)}
        self.several = any(record.further for record in records)

    def __iter__(self):
        return iter(self.records)


def make_catalog(folder, records, part_rows=7, extra=None):
    with ImageFetcher() as fetcher:
        return ingest(ListSource(records, extra), folder, part_rows=part_rows, fetcher=fetcher)
