"""The contract of an export `Format`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest import SkipTest

import numpy as np
import polars as pl

from featurizer.encoders.naming import NAME
from featurizer.errors import InputError
from featurizer.release.exchange.content import Content, ExchangedVectors, Found
from featurizer.release.exchange.format import Files, Format, Write

SAMPLE_IDS = ("B0001", "red mug", "0007", "ñandú-9", "1e5", "z")
HARD_IDS = ("a\tb", 'say "hi"', "two\nlines", "nan", "NULL", " led by a blank", "comma, id", "#1", "日本")
"""Ids that files of text lose or split where nobody thinks of them."""


class FormatContract:
    """What export and import rely on; every check is one test.

    Subclass it in a test module, name the class `Test…`, and write `make_format`; for a format that is only read,
    `make_files` too.
    """

    def make_format(self) -> Format:
        """Return the format under test."""
        raise NotImplementedError("write make_format in your subclass of FormatContract")

    def make_files(self, folder: Path) -> Path:
        """Write files of the format into `folder`, of at least two items, and return what is read: them or it."""
        self._write()(sample_content(), folder)
        return folder

    def test_the_name_can_be_typed(self) -> None:
        """`--format NAME` reaches the format."""
        assert NAME.fullmatch(self.make_format().name), f"{self.make_format().name!r} cannot be typed"

    def test_what_it_needs_is_installed_here(self) -> None:
        """`extra` names modules that exist once its pip line has run, as it has where this test runs."""
        extra = self.make_format().extra
        assert extra.installed, f"some of {', '.join(extra.modules)} cannot be found; is it {extra.pip_line}?"

    def test_spaces_are_found_in_files_that_nothing_describes(self) -> None:
        """`guess` names the spaces, and `read` gives each an array of one row an item."""
        with _folder() as folder:
            path = self.make_files(folder)
            files = self.make_format().guess(path)
            assert files, "guess finds no space"
            _check_found(self.make_format().read(path, files), files)

    def test_an_empty_folder_is_refused(self) -> None:
        """Where there is nothing to read, `guess` raises InputError, which says what was expected."""
        with _folder() as folder:
            try:
                found = self.make_format().guess(folder)
            except InputError:
                return
            raise AssertionError(f"an empty folder holds the spaces {', '.join(found)}")

    def test_some_items_are_read_alone(self) -> None:
        """`select`, where there is one, reads the items asked for in their order, as `read` does."""
        one = self.make_format()
        if one.select is None:
            raise SkipTest(f"{one.name} is read whole")
        with _folder() as folder:
            path = self.make_files(folder)
            files = one.guess(path)
            whole = one.read(path, files)
            chosen = one.select(path, files, whole.item_ids[:2][::-1])
            assert chosen.item_ids == whole.item_ids[:2][::-1]
            for space in files:
                np.testing.assert_array_equal(chosen.vectors[space], whole.vectors[space][:2][::-1])

    def test_what_is_written_comes_back(self) -> None:
        """Ids, and vectors bit for bit, of float32 and of float16 alike; nulls where the format has them."""
        for dtype in ("float32", "float16"):
            content = sample_content(dtype=dtype)
            with _folder() as folder:
                found = self._there_and_back(content, folder)
                assert found.item_ids == list(content.item_ids)
                for space in content.spaces:
                    self._check_space(space, found)

    def test_interactions_change_no_vector(self) -> None:
        """Interactions that go along are written beside the vectors, or left out; those stay as they are."""
        with _folder() as alone, _folder() as beside:
            plain = self._there_and_back(sample_content(), alone)
            both = self._there_and_back(sample_content(interactions=sample_interactions()), beside)
            assert both.item_ids == plain.item_ids
            for space, vectors in plain.vectors.items():
                np.testing.assert_array_equal(both.vectors[space], vectors)

    def test_an_id_comes_back_or_is_refused(self) -> None:
        """No id is lost, split or changed: where the files cannot hold it, `write` raises InputError."""
        for hard in HARD_IDS:
            content = sample_content(item_ids=[*SAMPLE_IDS[:-1], hard])
            with _folder() as folder:
                try:
                    found = self._there_and_back(content, folder)
                except InputError:
                    continue
                assert found.item_ids[-1] == hard, f"the id {hard!r} comes back as {found.item_ids[-1]!r}"

    def _write(self) -> Write:
        write = self.make_format().write
        if write is None:
            raise SkipTest(f"{self.make_format().name} is only read")
        return write

    def _there_and_back(self, content: Content, folder: Path) -> Found:
        files = self._write()(content, folder)
        spaces = [space.name for space in content.spaces]
        assert list(files) == spaces, (
            f"write says where {', '.join(files)} went, asked for {', '.join(spaces)}"
        )
        missing = [name for name in files.values() if not (folder / name).exists()]
        assert not missing, f"write says it wrote {missing}, which is not there"
        return self.make_format().read(folder, files)

    def _check_space(self, space: ExchangedVectors, found: Found) -> None:
        present = found.present.get(space.name, np.ones(len(space.rows), bool))
        if self.make_format().nulls:
            np.testing.assert_array_equal(present, space.present)
        else:
            assert present.all(), "a format without nulls says that vectors are missing"
        np.testing.assert_array_equal(
            found.vectors[space.name][present].astype(np.float32), space.rows[present].astype(np.float32)
        )


def sample_content(
    *, dtype: str = "float32", item_ids: Sequence[str] = SAMPLE_IDS, interactions: pl.DataFrame | None = None
) -> Content:
    """Return a space of pictures, of which one item has none (zeros stand there), and one of texts."""
    generator = np.random.default_rng(0)
    present = np.arange(len(item_ids)) != 1
    image = generator.standard_normal((len(item_ids), 5)).astype(dtype)
    image[~present] = 0
    text = generator.standard_normal((len(item_ids), 3)).astype(dtype)
    spaces = [
        ExchangedVectors("sample_image", "image", dtype, image, present),
        ExchangedVectors("sample_text", "text", dtype, text, np.ones(len(item_ids), bool)),
    ]
    return Content("sample", list(item_ids), spaces, interactions)


def sample_interactions() -> pl.DataFrame:
    """Return a train, a valid and a test interaction of each of two users."""
    rows = [
        (f"u{user}", SAMPLE_IDS[(2 * user + place) % len(SAMPLE_IDS)], 100 + place, 1.0, split)
        for user in range(2)
        for place, split in enumerate(("train", "valid", "test"))
    ]
    return pl.DataFrame(
        rows, schema=["user_id", "item_id", "timestamp", "rating", "split"], orient="row"
    ).sort("user_id")


def _check_found(found: Found, files: Files) -> None:
    assert found.item_ids, "read finds no items"
    assert len(set(found.item_ids)) == len(found.item_ids), "some ids stand twice"
    assert set(found.vectors) == set(files), f"read gives {set(found.vectors)}, asked for {set(files)}"
    for space, vectors in found.vectors.items():
        assert vectors.ndim == 2, f"{space} has the shape {vectors.shape}"
        assert len(vectors) == len(found.item_ids), f"{space} has {len(vectors)} rows"
        assert vectors.dtype.kind == "f", f"{space} holds {vectors.dtype}"


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
