"""A feature set into the files that another program reads."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

import featurizer
from featurizer.errors import InputError
from featurizer.features.feature_set import FeatureSet
from featurizer.interactions.read import read_interactions
from featurizer.records import Json
from featurizer.release.exchange.content import Content, ExchangedVectors, Missing, fill
from featurizer.release.exchange.format import Files, Format, format_named
from featurizer.release.exchange.sidecar import FORMAT_VERSION, Sidecar, read_sidecar
from featurizer.results.files import file_sha256, read_json, write_json
from featurizer.results.names import EXPORT
from featurizer.results.stage import STAGE_FILE, Stage, refuse_foreign

WORK = ".export"


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What is exported, and how.

    Attributes:
        format: `mmrec`, `npy`, ….
        spaces: names; empty for all.
        missing: how rows without a vector are filled.
        interactions: a file of interactions to go with the vectors.
        item_map: asin ↔ itemID, for interactions that number their items.
        overwrite: replace another export.
    """

    format: str
    spaces: tuple[str, ...] = ()
    missing: Missing = Missing.zero
    interactions: Path | None = None
    item_map: Path | None = None
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which items an export holds, in order: rows of the feature set (-1 where it has none) and their ids."""

    item_ids: list[str]
    rows: np.ndarray
    left_out: int
    added: int


def export(feature_set: FeatureSet, out: Path, options: ExportOptions) -> Sidecar:
    """Write a feature set as another program reads it, with `export.json` that says what was done.

    Raises:
        UnknownName: no such format or space.
        MissingExtra: what the format needs is not installed.
        InputError: the format has no room for what was asked, or vectors are missing and must not be.
        StaleOutput: `out` holds something else.
    """
    chosen_format = format_named(options.format, written=True)
    if chosen_format.write is None:
        raise InputError(f"{options.format} is a format that is only imported; choose another --format")
    chosen_format.require()
    spaces = [feature_set.check_space(name) for name in options.spaces or feature_set.spaces]
    refuse_foreign(out, EXPORT)
    stage = Stage(out, EXPORT, _config(feature_set, spaces, options), (WORK, *_written(out)))
    if not stage.claim(overwrite=options.overwrite):
        _export(feature_set, spaces, options, chosen_format, stage)
    written = read_sidecar(out)
    assert written is not None
    return written


def _export(
    feature_set: FeatureSet, spaces: Sequence[str], options: ExportOptions, chosen: Format, stage: Stage
) -> None:
    assert chosen.write is not None
    given = options.interactions
    interactions = read_interactions(given, item_map=options.item_map) if given is not None else None
    items = choose_items(feature_set, interactions, only_used=chosen.only_used)
    vectors = [_vectors(feature_set, name, items, options.missing, nulls=chosen.nulls) for name in spaces]
    content = Content(stage.folder.resolve().name, items.item_ids, vectors, interactions)
    work = stage.folder / WORK
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    files = chosen.write(content, work)
    names = sorted(path.name for path in work.iterdir())
    write_json(
        stage.folder / STAGE_FILE,
        {"fingerprint": stage.fingerprint, "config": dict(stage.config), "files": [*names]},
    )
    for name in names:
        target = stage.folder / name
        if target.is_dir():
            shutil.rmtree(target)
        (work / name).replace(target)
    work.rmdir()
    stage.finish(_manifest(feature_set, content, items, files, options, chosen) | {"files": [*names]})


def choose_items(feature_set: FeatureSet, interactions: pl.DataFrame | None, *, only_used: bool) -> Chosen:
    """Return the items of the set, then those that only the interactions know.

    Args:
        feature_set: the set.
        interactions: user_id, item_id, …; None for the items of the set alone.
        only_used: leave out the items that no interaction names.

    Raises:
        InputError: the interactions name none of the set's items.
    """
    ids = feature_set.item_ids()
    if interactions is None:
        return Chosen(ids, np.arange(len(ids)), 0, 0)
    known = set(ids)
    used = set(interactions["item_id"].unique())
    if not used & known:
        raise InputError(
            f"none of the {len(used)} items of the interactions is in {feature_set.folder} (such as "
            f"{min(used)}; its own are such as {ids[0]}). Give the interactions of the same catalog, or --item-map "
            "for a file that numbers its items"
        )
    kept = [row for row, item in enumerate(ids) if item in used or not only_used]
    added = sorted(used - known)
    rows = np.array([*kept, *[-1] * len(added)])
    return Chosen([*(ids[row] for row in kept), *added], rows, len(ids) - len(kept), len(added))


def _vectors(
    feature_set: FeatureSet, name: str, items: Chosen, missing: Missing, *, nulls: bool
) -> ExchangedVectors:
    rows, present = feature_set.vectors(name)
    spec = feature_set.spaces[name]
    there = (items.rows >= 0) & present[items.rows]
    picked = rows[items.rows]
    picked[~there] = 0
    if not nulls:
        picked = fill(picked, there, missing, name)
    return ExchangedVectors(name, spec.modality, spec.dtype, picked, there)


def _config(feature_set: FeatureSet, spaces: Sequence[str], options: ExportOptions) -> dict[str, Json]:
    hashes = "".join(shard.sha256 for shard in feature_set.manifest.shards)
    inputs = {"interactions": options.interactions, "item_map": options.item_map}
    for path in inputs.values():
        if path is not None and not path.is_file():
            raise InputError(f"{path} does not exist; expected a file of interactions or an item map")
    return {
        "format": options.format,
        "spaces": [*spaces],
        "missing": options.missing.value,
        "feature_set": feature_set.manifest.fingerprint,
        "shards": hashlib.sha256(hashes.encode()).hexdigest(),
        **{name: file_sha256(path) if path is not None else None for name, path in inputs.items()},
    }


def _written(out: Path) -> tuple[str, ...]:
    """Name the files that an earlier export put into the folder; --overwrite removes those."""
    for path in (out / STAGE_FILE, out / EXPORT):
        if path.is_file():
            files = read_json(path).get("files", [])
            if isinstance(files, list):
                return tuple(
                    name for name in map(str, files) if Path(name).name == name and name not in (".", "..")
                )
    return ()


def _manifest(
    feature_set: FeatureSet,
    content: Content,
    items: Chosen,
    files: Files,
    options: ExportOptions,
    chosen: Format,
) -> dict[str, Json]:
    fills = "null" if chosen.nulls else options.missing.value
    entries: list[Json] = [
        {
            "name": space.name,
            "file": files[space.name],
            "modality": space.modality,
            "dim": space.rows.shape[1],
            "dtype": space.dtype,
            "fill": None if space.present.all() else fills,
            "missing_rows": [*np.flatnonzero(~space.present).tolist()],
            "provenance": feature_set.spaces[space.name].document(),
        }
        for space in content.spaces
    ]
    return {
        "format_version": FORMAT_VERSION,
        "featurizer_version": featurizer.__version__,
        "format": options.format,
        "rows": len(items.item_ids),
        "left_out": items.left_out,
        "added": items.added,
        "interactions": None if content.interactions is None else content.interactions.height,
        "spaces": entries,
        "feature_set": _origin(feature_set.manifest.document()),
    }


def _origin(manifest: Mapping[str, Json]) -> dict[str, Json]:
    return {
        name: manifest.get(name) for name in ("fingerprint", "source", "text_recipe", "featurizer_version")
    }
