"""Writes the sample catalog to a folder, in the layout of the Amazon Reviews 2023 files."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from featurizer.catalog.sample.amazon import meta_line, review_line
from featurizer.catalog.sample.defects import PICTURE_DEFECTS, WORD_DEFECTS, encoded
from featurizer.catalog.sample.oracle import write_oracle, write_traits
from featurizer.catalog.sample.picture import draw
from featurizer.catalog.sample.traits import SampleItem, make_items
from featurizer.catalog.sample.users import make_reviews
from featurizer.catalog.sample.words import listing
from featurizer.errors import InputError
from featurizer.results.files import atomic_path, output_error

FEWEST_ITEMS = 50
"""Below it the planted defects would be the rule."""
_LISTINGS_SPOILT = 2


META, REVIEWS = "meta_Sample.jsonl.gz", "Sample.jsonl.gz"
"""A JSON line an item; a JSON line a review."""
IMAGES = "images"
"""The folder of the pictures, named by item id."""
ORACLE = "oracle.parquet"
"""`item_id` and the oracle spaces."""
TRAITS = "traits.csv"
"""Each item's traits and planted defects."""


def write_sample(folder: Path, *, items: int = 600, users: int = 500, seed: int = 2024) -> None:
    """Make a small catalog whose truth is known, to try every stage without a download.

    What users like is partly visible in the picture only (color, pattern), partly told by the text only
    (use, make), partly in both (kind), so features of both modalities together must beat either. Pictures are
    named by absolute `file://` addresses in the metadata; apart from those, a seed gives the same bytes.

    Args:
        folder: where to write; made if absent. Files of an earlier sample are replaced.
        items: how many items, at least 50; a few have broken or missing pictures or words on purpose.
        users: how many users review.
        seed: of everything random.

    Raises:
        InputError: fewer than 50 items or no user was asked for.
        OutputError: the folder cannot be written.
    """
    _check(items, users)
    drawn = make_items(items, np.random.default_rng([seed, 0]))
    picture_defects, word_defects = _plant(items, np.random.default_rng([seed, 1]))
    reviews = make_reviews(drawn, users, np.random.default_rng([seed, 2]))
    urls = _write_images(drawn, picture_defects, folder / IMAGES)
    with atomic_path(folder / ORACLE) as partial:
        write_oracle(drawn, partial)
    with atomic_path(folder / TRAITS) as partial:
        write_traits(
            drawn, [_joined(*both) for both in zip(picture_defects, word_defects, strict=True)], partial
        )
    _write_lines(folder / REVIEWS, (review_line(review, drawn[review.item]) for review in reviews))
    _write_lines(folder / META, _meta_lines(drawn, word_defects, urls))


def _check(items: int, users: int) -> None:
    if items < FEWEST_ITEMS or users < 1:
        raise InputError(
            f"a sample of {items} items and {users} users was asked for, expected at least {FEWEST_ITEMS} "
            "items and 1 user; ask for more"
        )


def _plant(items: int, rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Choose an item for every picture defect and two for every word defect, none twice."""
    pictures, words = [""] * items, [""] * items
    rows = iter(rng.permutation(items).tolist())
    for name in PICTURE_DEFECTS:
        pictures[next(rows)] = name
    for name in list(WORD_DEFECTS) * _LISTINGS_SPOILT:
        words[next(rows)] = name
    return pictures, words


def _write_images(items: Sequence[SampleItem], defects: Sequence[str], folder: Path) -> list[str | None]:
    """Draw and write every picture; return each item's address, None where it names no picture."""
    urls: list[str | None] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for item, defect in zip(items, defects, strict=True):
            image = draw(item.look)
            file = PICTURE_DEFECTS[defect](image) if defect else encoded(image)
            if file is None:
                urls.append(None)
                continue
            data, suffix = file
            path = (folder / f"{item.item_id}{suffix}").resolve()
            urls.append(path.as_uri())
            if data is not None:
                path.write_bytes(data)
    except OSError as error:
        raise output_error(folder, error) from error
    return urls


def _meta_lines(
    items: Sequence[SampleItem], defects: Sequence[str], urls: Sequence[str | None]
) -> Iterable[str]:
    for row, (item, defect, url) in enumerate(zip(items, defects, urls, strict=True)):
        words = listing(item.pitch)
        yield meta_line(row, item, WORD_DEFECTS[defect](words) if defect else words, url)


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write gzip without a time stamp, so that equal lines are equal bytes."""
    text = "".join(f"{line}\n" for line in lines)
    with atomic_path(path) as partial:
        partial.write_bytes(gzip.compress(text.encode(), mtime=0))


def _joined(*names: str) -> str:
    return "|".join(name for name in names if name)
