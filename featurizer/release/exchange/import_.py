"""ExchangedVectors in other programs' files into a feature set, with the provenance that can be had."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from featurizer.errors import InputError
from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.features.feature_set import FeatureSet
from featurizer.features.options import StoredDtype
from featurizer.features.supervised import attach_supervised
from featurizer.records import Json
from featurizer.release.exchange.content import Found
from featurizer.release.exchange.format import Files, format_named
from featurizer.release.exchange.ids import read_ids
from featurizer.release.exchange.sidecar import Sidecar, SpaceEntry, read_sidecar
from featurizer.results.names import FEATURE_SET
from featurizer.results.stage import refuse_foreign
from featurizer.values import as_ids

NAMES = re.compile(r"(?!\.)[^/\\\x00-\x1f\x7f]{1,200}")
SHOWN = 60
"""Characters of a name that is none, in a message."""
BLOCK = 4096
"""Rows looked at at once."""
DESCRIBED = ("modality", "dim", "dtype", "null")
"""What a feature set says of its vectors anew."""


NullRows: TypeAlias = Literal["none", "zero", "nan"]
"""Which rows of files that know no null stand for a missing vector."""


def import_set(
    path: Path,
    out: Path,
    *,
    format: str,
    space: str | None = None,
    ids: Path | None = None,
    modality: str | None = None,
    null_rows: NullRows = "none",
    source: Mapping[str, Json] | None = None,
    overwrite: bool = False,
) -> FeatureSet:
    """Read vectors and write them as a feature set of provenance "imported".

    What `featurizer export` wrote comes back as it was: ids, spaces, types, nulls, provenance. Other files are read
    as their format has them.

    Args:
        path: a file or folder in the format.
        out: folder to write into.
        format: `npy`, `mmrec`, ….
        space: the name of the only space, or the only one to take.
        ids: a file that lists the items' ids in row order.
        modality: what the vectors were made from, where the format does not say.
        null_rows: which rows mean that there is no vector.
        source: recorded (name, license).
        overwrite: replace another feature set.

    Raises:
        UnknownName: no such format or space.
        MissingExtra: what the format needs is not installed.
        InputError: the files are not what the format asks for.
        StaleOutput: `out` holds something else.
    """
    chosen = format_named(format)
    chosen.require()
    if not path.exists():
        raise InputError(f"{path} does not exist; expected files in the format {format}")
    refuse_foreign(out, FEATURE_SET)
    sidecar = read_sidecar(path) if path.is_dir() else _beside(path)
    path = path.parent if sidecar is not None and path.is_file() else path
    if sidecar is not None and sidecar.format != format:
        raise InputError(f"{path} was exported as {sidecar.format}; pass --format {sidecar.format}")
    entries = {entry.name: entry for entry in sidecar.spaces} if sidecar else {}
    files = {name: entry.file for name, entry in entries.items()} or chosen.guess(path)
    files = _select(files, space, path)
    given = as_ids(read_ids(ids), str(ids)) if ids is not None else None
    found = (
        chosen.read(path, files)
        if given is None or chosen.select is None
        else chosen.select(path, files, given)
    )
    item_ids = found.item_ids if given is None else given
    spaces = []
    for name, vectors in found.vectors.items():
        entry, called = entries.get(name), _called(space or name, path)
        side = modality or (entry.modality if entry else _modality(called))
        present = _present(name, found, entry, null_rows)
        spaces.append(ArraySpace(called, side, vectors, present, _provenance(called, entry, format)))
    _check(path, item_ids, spaces, sidecar)
    dtypes: set[StoredDtype] = {entry.dtype for entry in entries.values()} or {_stored(found)}
    dtype: StoredDtype = "float16" if dtypes == {"float16"} else "float32"
    recorded = {**_source(path, format, sidecar), **(source or {})}
    made = write_arrays(out, item_ids, spaces, source=recorded, dtype=dtype, overwrite=overwrite)
    if sidecar is not None and sidecar.supervised:
        attach_supervised(out, sidecar.supervised)
        return FeatureSet.open(out)
    return made


def _called(name: str, path: Path) -> str:
    """Return a space's name as a file has it.

    Raises:
        InputError: it is none: it could name a folder when it is exported, or a line of its own where it is shown.
    """
    if not NAMES.fullmatch(name):
        shown = name if len(name) <= SHOWN else f"{name[:SHOWN]}…"
        raise InputError(
            f"{path} names a space {shown!r}; expected up to 200 letters, digits and marks other than slashes, and no "
            "leading dot. Give it a name with --space, or correct the file"
        )
    return name


def _beside(file: Path) -> Sidecar | None:
    """Return the sidecar of an export that the file is part of, with the spaces that it holds."""
    found = read_sidecar(file.parent)
    spaces = [space for space in found.spaces if space.file == file.name] if found else []
    return found.model_copy(update={"spaces": spaces}) if found and spaces else None


def _select(files: Files, space: str | None, path: Path) -> Files:
    """Return the spaces to read: all, the one that is called `space`, or the only one, to be called so."""
    if space is None or len(files) == 1:
        return files
    if space in files:
        return {space: files[space]}
    raise InputError(
        f"{path} holds the spaces {', '.join(files)}, none of them called {space}; leave --space out to take all"
    )


def _present(name: str, found: Found, entry: SpaceEntry | None, null_rows: NullRows) -> np.ndarray:
    """Return (n,) which items have a vector: as the format, the sidecar and the rule for null rows say."""
    vectors = found.vectors[name]
    present = found.present.get(name, np.ones(len(vectors), bool)).copy()
    if entry is not None:
        present[[row for row in entry.missing_rows if row < len(present)]] = False
    return present & ~_null_rows(vectors, null_rows)


def _provenance(name: str, entry: SpaceEntry | None, format: str) -> dict[str, Json]:
    before = entry.provenance if entry else {}
    kept = {key: _json(value) for key, value in before.items() if key not in DESCRIBED}
    return {"encoder": name, **kept, "imported_from": format}


def _null_rows(vectors: np.ndarray, rule: NullRows) -> np.ndarray:
    """Return (n,) which rows stand for no vector; in blocks, as the vectors may lie on disk."""
    found = np.zeros(len(vectors), bool)
    if rule == "none":
        return found
    for start in range(0, len(vectors), BLOCK):
        rows = vectors[start : start + BLOCK]
        found[start : start + BLOCK] = ~rows.any(1) if rule == "zero" else np.isnan(rows).any(1)
    return found


def _modality(name: str) -> str:
    """Read the modality off a space's name, `<encoder>_<modality>`."""
    side = name.rpartition("_")[2]
    return side if side in ("image", "text") else "both"


def _stored(found: Found) -> StoredDtype:
    types = {str(vectors.dtype) for vectors in found.vectors.values()}
    return "float16" if types == {"float16"} else "float32"


def _check(path: Path, ids: list[str], spaces: list[ArraySpace], sidecar: Sidecar | None) -> None:
    for space in spaces:
        if len(space.vectors) != len(ids):
            raise InputError(
                f"{path}: {space.name} has {len(space.vectors)} rows and there are {len(ids)} ids; expected one each"
            )
    if sidecar is not None and len(ids) != sidecar.rows:
        raise InputError(f"{path} holds {len(ids)} items, its sidecar says {sidecar.rows}; export it again")


def _source(path: Path, format: str, sidecar: Sidecar | None) -> dict[str, Json]:
    recorded: dict[str, Json] = {"imported": format, "file": path.name}
    if sidecar is not None:
        before = sidecar.feature_set.get("source")
        recorded = {**(_json(before) if isinstance(before, dict) else {}), **recorded}  # type: ignore[dict-item]
        recorded["exported_fingerprint"] = _json(sidecar.feature_set.get("fingerprint"))
    return recorded


def _json(value: object) -> Json:
    """Return a value that came from JSON as what it is."""
    assert value is None or isinstance(value, (bool, int, float, str, list, dict))
    return value
