"""A data set of the Hugging Face Hub as a source, streamed through `datasets`; or a local folder in its layout."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from featurizer.catalog.class_labels import ClassLabels
from featurizer.catalog.column_names import FILE_NAME, MADE, ROW, ColumnNames
from featurizer.catalog.column_types import KEPT, float_bits, is_picture, stored_type
from featurizer.catalog.columns import file_name, to_record
from featurizer.catalog.files_below import files_below, readable
from featurizer.catalog.item_pictures import MOST_IMAGES, ItemPictures
from featurizer.catalog.survey import OnDuplicate, OnMissing
from featurizer.config import parse_yaml, read_yaml_text
from featurizer.errors import InputError
from featurizer.records import ItemRecord, Json
from featurizer.results.names import CARD
from featurizer.values import as_id

if TYPE_CHECKING:
    from datasets import IterableDataset

SAMPLED = 100
"""So many rows are looked at for whether items have several pictures."""


@dataclass(frozen=True)
class HubSource:
    """Items from `hf:ORG/NAME[@revision]` or `hf:./folder`.

    Pictures are bytes or web addresses; files may be named by a local folder only, and only its own.

    Attributes:
        repo: the repository's name or a local folder.
        names: the user's choice of columns.
        split: which split to read.
        config: which configuration (subset), None for the only one.
        revision: a branch, tag or commit.
        on_duplicate: what becomes of rows with one id: an error, or the first is taken. Rows arrive one by one, so
            that the last cannot be.
        on_missing_id: what becomes of a row without an id: an error, left out, or its number is the id.
        max_images: pictures that an item keeps, where the first rows name several, or their column holds lists.
        notes: counts of the last complete pass (`repeated_items`, `rows_without_id`, `items_with_more_pictures` than it
            keeps and `pictures_left_out` of these).
    """

    repo: str
    names: ColumnNames
    split: str = "train"
    config: str | None = None
    revision: str | None = None
    on_duplicate: OnDuplicate = "error"
    on_missing_id: OnMissing = "error"
    max_images: int = MOST_IMAGES
    notes: Counter[str] = field(default_factory=Counter)

    def __iter__(self) -> Iterator[ItemRecord]:
        """Yield the rows in the data set's order."""
        if self.on_duplicate in ("last", "merge"):
            raise InputError(
                f"the rows of hf:{self.repo} arrive one by one: which of equal ids is the last is known at their end; "
                "expected --on-duplicate first or error, or a file"
            )
        self.notes.clear()
        fields, column, seen = self.fields, self.fields["item_id"], set[str]()
        most = self.max_images if self.several else 1
        pictures = ItemPictures(fields.get("image"), self._further, most)
        bits = 64 if column in MADE else float_bits(self._schema.field(column).type)
        for position, row in enumerate(map(self._labels.named, self._rows()), start=1):
            if column in MADE:
                own = str(position) if column == ROW else file_name(row.get(fields["image"]))
                row = {**row, column: own}
            item = as_id(row.get(column), bits=bits)
            if item is None:
                self.notes["rows_without_id"] += 1
                if self.on_missing_id == "error":
                    raise InputError(
                        f"hf:{self.repo}, row {position}: the {column} is empty; expected a unique id in every row, or "
                        "--on-missing-id skip or number"
                    )
                if self.on_missing_id == "skip":
                    continue
                row = {**row, column: f"row-{position}"}
            elif self.on_duplicate == "first":
                if item in seen:
                    self.notes["repeated_items"] += 1
                    continue
                seen.add(item)
            images = pictures.read(row, self._folder)
            yield to_record(row, fields, images, id_bits=bits, further={*self._further, *self._typed})
        pictures.settle(self.notes)

    def _rows(self) -> Iterator[dict[str, object]]:
        import datasets
        import httpx2

        try:
            yield from self._stream
        except (
            OSError,
            ValueError,
            pa.ArrowException,
            httpx2.HTTPError,
            datasets.exceptions.DatasetsError,
        ) as error:
            raise InputError(
                f"hf:{self.repo} (split {self.split}) broke off: {' '.join(str(error).split())}; expected all of "
                "its rows. Run the same command again: finished parts are kept."
            ) from error

    @cached_property
    def fields(self) -> dict[str, str]:
        """Which column each field is read from."""
        found = self.names.resolve(self._schema.names, origin=f"hf:{self.repo}", pictures=self._typed)
        if found["item_id"] == FILE_NAME and "image" not in found:
            raise InputError(
                f"hf:{self.repo} has no picture column whose files could name the items ({FILE_NAME})"
            )
        return found

    @cached_property
    def several(self) -> bool:
        """Whether items may have several pictures: their column holds lists, or one of the first rows names several."""
        pictures = ItemPictures(self.fields.get("image"), self._further, self.max_images)
        if self.max_images == 1 or not pictures.columns:
            return False
        kinds = [self._schema.field(column).type for column in pictures.columns]
        if len(kinds) > 1 or pa.types.is_list(kinds[0]) or pa.types.is_large_list(kinds[0]):
            return True
        return any(len(pictures.named(row, self._folder)) > 1 for row in islice(self._rows(), SAMPLED))

    @property
    def mapping(self) -> dict[str, str]:
        """Which columns were taken, of further pictures too, where there are any."""
        return {**self.fields, **({"images": " + ".join(self._further)} if self._further else {})}

    @cached_property
    def _further(self) -> tuple[str, ...]:
        if self.max_images == 1:
            return ()
        return self.names.further(
            self._schema.names,
            self.fields,
            origin=f"hf:{self.repo}",
            fits=lambda column: not any(is_kept(self._schema.field(column).type) for is_kept in KEPT),
        )

    @cached_property
    def _typed(self) -> tuple[str, ...]:
        """The columns that hold pictures, as their types say."""
        return tuple(one.name for one in self._schema if is_picture(one.type))

    @property
    def extra(self) -> dict[str, pa.DataType]:
        """The columns that are no field, with the type they are stored in; pictures that are not read are left out."""
        used = {*self.fields.values(), *self._further, *self._typed}
        types = {one.name: stored_type(one.type) for one in self._schema}
        types |= dict.fromkeys(self._labels.names, pa.string())
        return {name: kind for name, kind in types.items() if name not in used}

    @property
    def _labels(self) -> ClassLabels:
        features = self._stream.features
        return ClassLabels.of_features({} if features is None else features.to_dict())

    @property
    def identity(self) -> dict[str, Json]:
        """The repository, split and commit; of a local folder its files' names and sizes."""
        own: dict[str, Json] = {
            "repo": self.repo,
            "split": self.split,
            "config": self.config,
            "columns": {**self.mapping},
        }
        if self._folder is not None:
            files = [path for path in files_below(self._folder).files if path.is_file()]
            return own | {
                "files": {
                    readable(path.relative_to(self._folder).as_posix()): path.stat().st_size for path in files
                }
            }
        return own | {"commit": self._commit}

    @cached_property
    def _commit(self) -> str | None:
        """The commit that the revision names now; the rows are read at it. A local folder has none."""
        if self._folder is not None:
            return None
        import httpx2
        from huggingface_hub import HfApi

        try:
            return HfApi().dataset_info(self.repo, revision=self.revision).sha
        except (OSError, ValueError, httpx2.HTTPError) as error:
            raise self._unopened(error) from error

    def _unopened(self, error: Exception) -> InputError:
        return InputError(
            f"hf:{self.repo} (split {self.split}) cannot be opened: {' '.join(str(error).split())}. "
            "Check the name, the network and your token; a local copy is given as hf:./folder."
        )

    @property
    def _folder(self) -> Path | None:
        path = Path(self.repo)
        return path if path.is_dir() else None

    @property
    def _schema(self) -> pa.Schema:
        features = self._stream.features
        if features is None:
            raise InputError(
                f"hf:{self.repo} does not say its columns; expected Parquet, CSV, JSON or image files"
            )
        return features.arrow_schema

    @cached_property
    def _stream(self) -> IterableDataset:
        import datasets
        import httpx2

        if self.repo.startswith((".", "/", "~")) and self._folder is None:
            raise InputError(f"{self.repo} is no folder; expected a data set folder in the Hub's layout")
        if self._folder is not None:
            _check_card(self._folder / CARD)
        try:
            stream = datasets.load_dataset(
                self.repo, self.config, split=self.split, revision=self._commit, streaming=True
            )
            stream = stream if stream.features is not None else stream._resolve_features()
        except (OSError, ValueError, httpx2.HTTPError, datasets.exceptions.DatasetsError) as error:
            raise self._unopened(error) from error
        return stream.decode(enable=False)  # decoding would open whatever file a row names, nested ones too


def _check_card(path: Path) -> None:
    """Refuse a card whose header is no configuration: `datasets` reads it before any row, however far it unfolds."""
    if path.is_file():
        header = re.match(r"---\s*\n(.*?)(\n---|\Z)", read_yaml_text(path), re.DOTALL)
        if header is not None:
            parse_yaml(header[1], origin=path)
