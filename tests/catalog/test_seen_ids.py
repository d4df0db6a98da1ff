"""Ids by their hashes: none that came twice is missed, and two ids of one hash stay two."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import featurizer as fz
from featurizer.catalog import seen_ids
from featurizer.catalog.build import check_items
from featurizer.catalog.seen_ids import SeenIds
from featurizer.errors import InputError
from featurizer.records import ItemRecord


@given(st.lists(st.text(max_size=3), max_size=200), st.integers(2, 20))
def test_every_id_that_came_twice_is_known_and_no_other(ids: list[str], recent: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seen_ids, "RECENT", recent)
        seen = SeenIds()
        told = [seen.add(item) for item in ids]
        told.append(seen.settle())
    assert {item for item in ids if seen.came_twice(item)} == {item for item in ids if ids.count(item) > 1}
    assert len(seen) == len(set(ids))
    assert any(told) == seen.any_twice == (len(set(ids)) < len(ids))


def table(folder: Path, ids: list[str]) -> Path:
    path = folder / "items.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("sku", "title"), *((item, f"Mug {item}") for item in ids)])
    return path


def test_ids_of_one_hash_are_items_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen_ids, "hash", len, raising=False)
    monkeypatch.setattr(seen_ids, "RECENT", 2)
    made = fz.ingest(table(tmp_path, ["a1", "b", "c2", "d", "e3"]), out=tmp_path / "out")
    assert made.column("item_id").to_pylist() == ["a1", "b", "c2", "d", "e3"]
    with pytest.raises(InputError, match="1 row repeats an id"):
        fz.ingest(table(tmp_path, ["a1", "b", "c2", "a1", "e3"]), out=tmp_path / "second")


@pytest.mark.parametrize("place", range(1, 12))
def test_of_any_source_an_id_that_comes_again_is_refused_however_far_apart(
    monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    monkeypatch.setattr(seen_ids, "RECENT", 5)
    items = [ItemRecord(f"i{number}") for number in range(11)]
    items.insert(place, ItemRecord("i0"))
    source: Any = items
    with pytest.raises(InputError, match=rf"'i0' appears twice \(again in row {place + 1}\)"):
        check_items(source)
