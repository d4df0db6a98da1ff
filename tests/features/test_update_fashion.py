"""Three thousand product photographs over HTTP, some changed: exactly what is needed is asked for and encoded."""

import csv
from collections import Counter

import pytest

from featurizer.catalog.column_names import ColumnNames
from featurizer.catalog.images import FetchOptions, ImageFetcher
from featurizer.catalog.ingest import ingest
from featurizer.catalog.table import TableSource
from featurizer.features.extract import ExtractOptions, extract
from tests.features.test_update import both
from tests.servers import answer, serve

pytestmark = pytest.mark.slow


def test_ten_of_three_thousand_products_are_encoded_again_and_five_pictures_sent(shared_data, tmp_path):
    folder = shared_data / "fashion-3k"
    with (folder / "items.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    pictures = {row["item_id"]: (folder / "images" / f"{row['item_id']}.jpg").read_bytes() for row in rows}
    sent, asked = Counter(), Counter()

    with serve() as site:

        def at(item):
            def behave(request):
                tag = f'"{hash(pictures[item])}"'
                asked[item] += 1
                if request.headers.get("If-None-Match") == tag:
                    answer(b"", status=304, ETag=tag)(request)
                else:
                    sent[item] += 1
                    answer(pictures[item], ETag=tag)(request)

            return site.at(f"/{item}.jpg", behave)

        addresses = {row["item_id"]: at(row["item_id"]) for row in rows}

        def catalog(**options):
            with (tmp_path / "items.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(["id", "title", "image"])
                writer.writerows([row["item_id"], row["title"], addresses[row["item_id"]]] for row in rows)
            source = TableSource(tmp_path / "items.csv", ColumnNames())
            with ImageFetcher(FetchOptions(allow_private_hosts=True)) as fetcher:
                return ingest(source, tmp_path / "catalog", fetcher=fetcher, **options)

        held, rows = rows[-3:], rows[:-3]
        first = extract(catalog(), both(), tmp_path / "features", ExtractOptions(threads=1))
        before = {
            space: dict(zip(first.item_ids(), first.vectors(space)[0], strict=True)) for space in first.spaces
        }
        assert set(sent.values()) == {1}
        assert len(sent) == len(rows)
        sent.clear()
        asked.clear()
        titled, pictured = [row["item_id"] for row in rows[10:15]], [row["item_id"] for row in rows[20:22]]
        for row in rows[10:15]:
            row["title"] = f"another {row['title']}"
        for item, other in zip(pictured, reversed(pictured), strict=True):
            pictures[item] = pictures[other] + b" "
        gone, rows = rows[30:32], [*rows[:30], *rows[32:], *held]
        made = catalog(update=True)
    new = [row["item_id"] for row in held]
    assert sorted(sent) == sorted([*pictured, *new])
    assert asked == Counter({row["item_id"]: 1 for row in rows})
    assert not asked.keys() & {row["item_id"] for row in gone}
    told = made.manifest.update
    assert (told.new, told.gone, told.text, told.picture) == (3, 2, 5, 2)
    encoders = both()
    features = extract(made, encoders, tmp_path / "features", ExtractOptions(threads=1, update=True))
    assert [one.encoded for one in encoders] == [2 + 3, 5 + 3]
    assert (
        features.manifest.update.new,
        features.manifest.update.changed,
        features.manifest.update.gone,
    ) == (3, 7, 2)
    changed = {"color_image": {*pictured, *new}, "letter_text": {*titled, *new}}
    for space in features.spaces:
        now = dict(zip(features.item_ids(), features.vectors(space)[0], strict=True))
        same = [item for item in now if item not in changed[space]]
        assert len(same) == 3000 - 2 - len(changed[space])
        assert all(now[item].tobytes() == before[space][item].tobytes() for item in same)
