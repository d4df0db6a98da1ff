import threading

import pytest

from featurizer.catalog.arrivals import MOST_PARTS, Arrivals
from featurizer.catalog.column_names import ColumnNames
from featurizer.catalog.images import FetchOptions, ImageFetcher
from featurizer.catalog.ingest import ingest
from featurizer.catalog.schema import catalog_schema
from featurizer.catalog.table import TableSource
from featurizer.records import ImageRef
from tests.servers import answer, serve
from tests.servers.pictures import numbered

HERE = FetchOptions(allow_private_hosts=True)


@pytest.fixture
def stalled():
    """A server that answers once the event is set."""
    event = threading.Event()

    def behave(request):
        event.wait(60)
        answer(numbered(1))(request)

    with serve() as site:
        yield [site.at(f"/{number}.jpg", behave) for number in range(MOST_PARTS + 6)], event
        event.set()


def interrupted(path, url, fetcher):
    """Be interrupted while the last part is waited for."""

    def report(progress):
        if waiting:
            raise KeyboardInterrupt

    waiting = []
    with Arrivals(fetcher, report) as arrivals:
        part = arrivals.open(path)
        asked = part.ask((0, 0), ImageRef(url=url))
        part.close(catalog_schema({}).empty_table())
        arrivals.submit([asked])
        waiting.append(True)


def test_ctrl_c_while_the_last_parts_are_waited_for_stops_the_fetcher(tmp_path, stalled):
    urls, _ = stalled
    before = set(threading.enumerate())
    with ImageFetcher(HERE) as fetcher:
        with pytest.raises(KeyboardInterrupt):
            interrupted(tmp_path / "part-00000.parquet", urls[0], fetcher)
        left = {thread.name for thread in set(threading.enumerate()) - before}
        assert not [name for name in left if name.startswith(("fetch", "decode"))]


def test_however_long_a_host_stalls_only_so_many_parts_are_open(tmp_path, stalled):
    urls, answering = stalled
    table, out = tmp_path / "items.csv", tmp_path / "c"
    table.write_text("id,image\n" + "".join(f"i{n},{url}\n" for n, url in enumerate(urls)))
    counts = [0]

    def report(progress):
        counts.append(len([*out.glob("**/*.journal")]))
        if counts[-1] == counts[-2] >= MOST_PARTS:
            answering.set()

    with ImageFetcher(HERE) as fetcher:
        made = ingest(TableSource(table, ColumnNames()), out, fetcher=fetcher, part_rows=1, report=report)
    assert max(counts) == MOST_PARTS
    assert made.manifest.image_status == {"ok": len(urls)}
