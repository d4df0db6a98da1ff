"""Published metadata as a source: one item a line, read as a stream, whatever the size of the files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import pyarrow as pa

from featurizer.catalog.images.local import confined
from featurizer.catalog.schema import OTHER
from featurizer.catalog.source import SourceFormat
from featurizer.errors import InputError
from featurizer.records import ImageRef, ItemRecord, Json
from featurizer.results.files import file_sha256
from featurizer.tables.bad_rows import BadRows
from featurizer.unpacked import open_lines

SAMPLED_LINES = 2000
"""So many lines say which columns there are; a key that comes later goes into `other_fields`."""


@dataclass(frozen=True)
class LineSource:
    """Items of metadata files, restricted to `keep`, in the order of the files.

    Published metadata repeats items and holds broken lines: the first of equal ids wins, both are counted
    in `notes`. Ids of `keep` that no file describes come last, sorted, as items without fields.

    Attributes:
        path: the metadata file or files, `.gz` or plain.
        line_format: how a line is parsed.
        keep: the item ids wanted; None for all.
        images: the folder that `file://` addresses may lead into; None refuses them, as metadata that come
            from elsewhere must not choose which files of this machine are read.
        max_bad_rows: more lines of a file that cannot be read are an error; None for half of them.
        addresses: where the pictures lie that items name by an id; None where they name addresses.
        max_images: pictures that an item keeps of those it names.
        notes: counts of the last complete pass (`malformed_lines`, `repeated_items`, `without_metadata`).
    """

    path: Path | tuple[Path, ...]
    line_format: SourceFormat
    keep: frozenset[str] | None = None
    images: Path | None = None
    max_bad_rows: int | None = None
    addresses: Mapping[str, str] | None = None
    max_images: int = 1
    notes: Counter[str] = field(default_factory=Counter)

    def __iter__(self) -> Iterator[ItemRecord]:
        """Yield each wanted item once."""
        self.notes.clear()
        seen: set[str] = set()
        for path in self.paths:
            bad, used = BadRows(path, self.max_bad_rows), 0
            for record in self._records(path, bad):
                used += 1
                if self.keep is not None and record.item_id not in self.keep:
                    continue
                if record.item_id in seen:
                    self.notes["repeated_items"] += 1
                    continue
                seen.add(record.item_id)
                image, *further = map(self._located, record.images[: self.max_images])
                yield replace(record, image=image, further=tuple(further))
            bad.settle(used)
            if bad.count:
                self.notes["malformed_lines"] += bad.count
        for item_id in sorted((self.keep or frozenset()) - seen):
            self.notes["without_metadata"] += 1
            yield ItemRecord(item_id)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files."""
        return self.path if isinstance(self.path, tuple) else (self.path,)

    @property
    def several(self) -> bool:
        """Whether items may keep several pictures."""
        return self.max_images > 1

    @property
    def extra(self) -> dict[str, pa.DataType]:
        """Every key that the first lines show beside the item's fields, as text; and `other_fields`."""
        records = (record for path in self.paths for record in self._records(path, BadRows(path)))
        names = dict.fromkeys(name for record in islice(records, SAMPLED_LINES) for name in record.extra)
        return dict.fromkeys([*names, OTHER], pa.string())

    @property
    def identity(self) -> dict[str, Json]:
        """The files' content and how many items are wanted of them."""
        hashes: list[Json] = [file_sha256(path) for path in self.paths]
        return {
            "metadata_sha256": hashes[0] if len(hashes) == 1 else hashes,
            "wanted_items": None if self.keep is None else len(self.keep),
        }

    def _located(self, image: ImageRef) -> ImageRef:
        """Return a picture by its address, if it may be read; an id that has none stays, and fails as no address."""
        if self.addresses is not None and image.url is not None:
            image = replace(image, url=self.addresses.get(image.url, image.url))
        return confined(image, self.images)

    def _records(self, path: Path, bad: BadRows) -> Iterator[ItemRecord]:
        """Yield every item of a file; what cannot be read is counted in `bad`."""
        read = 0
        try:
            with open_lines(path) as file:
                for number, line in enumerate(file, start=1):
                    if not line.strip():
                        continue
                    try:
                        record = self.line_format.item(line.decode("utf-8-sig" if number == 1 else "utf-8"))
                    except (ValueError, InputError) as error:
                        bad.add(f"line {number}", error)
                        continue
                    read += 1
                    yield record
        except OSError as error:
            raise InputError(
                f"{path} cannot be read to its end: {error}. Delete it and download it again."
            ) from error
        if not read:
            raise InputError(f"{path} holds no item that can be read. {bad}")
