"""A feature set into the files that another program reads."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

import featurizer
from featurizer.errors import InputError
from featurizer.features.feature_set import FeatureSet
from featurizer.features.lookup import RowReader
from featurizer.features.supervised import SUPERVISED, read_supervised
from featurizer.interactions.read import read_interactions
from featurizer.records import Json
from featurizer.release.exchange.chosen_rows import ChosenIds, chosen_rows
from featurizer.release.exchange.content import Content, ExchangedVectors, Missing
from featurizer.release.exchange.format import Files, Write, format_named
from featurizer.release.exchange.sidecar import FORMAT_VERSION, Sidecar, read_sidecar
from featurizer.results.files import file_sha256, read_json, write_json
from featurizer.results.names import EXPORT
from featurizer.results.stage import STAGE_FILE, Stage, refuse_foreign

WORK = ".export"


def export(
    feature_set: FeatureSet,
    out: Path,
    *,
    format: str,
    spaces: Sequence[str] = (),
    missing: Missing = "zero",
    interactions: Path | None = None,
    item_map: Path | None = None,
    overwrite: bool = False,
) -> Sidecar:
    """Write a feature set as another program reads it, with `export.json` that says what was done.

    Args:
        feature_set: what is exported.
        out: folder to write into; its name is the data set's.
        format: `mmrec`, `npy`, ….
        spaces: names; empty for all.
        missing: how rows without a vector are filled.
        interactions: a file of interactions to go with the vectors.
        item_map: asin ↔ itemID, for interactions that number their items.
        overwrite: replace another export.

    Raises:
        UnknownName: no such format or space.
        MissingExtra: what the format needs is not installed.
        InputError: the format has no room for what was asked, or vectors are missing and must not be.
        StaleOutput: `out` holds something else.
    """
    chosen = format_named(format, written=True)
    if chosen.write is None:
        raise InputError(f"{format} is a format that is only imported; choose another --format")
    chosen.require()
    names = [feature_set.check_space(name) for name in spaces or feature_set.spaces]
    refuse_foreign(out, EXPORT)
    inputs = {"interactions": interactions, "item_map": item_map}
    config: dict[str, Json] = {
        "format": format,
        "spaces": [*names],
        "missing": missing,
        **_read(feature_set, inputs),
    }
    stage = Stage(out, EXPORT, config, (WORK, *_written(out)))
    if not stage.claim(overwrite=overwrite):
        used = read_interactions(interactions, item_map=item_map) if interactions is not None else None
        item_ids, rows = choose_items(feature_set, used, only_used=chosen.only_used)
        vectors = [_vectors(feature_set, name, rows, missing, nulls=chosen.nulls) for name in names]
        content = Content(out.resolve().name, item_ids, vectors, used)
        files, written = _write(content, chosen.write, stage)
        fill = "null" if chosen.nulls else missing
        manifest = _manifest(feature_set, content, rows, files, format=format, fill=fill)
        stage.finish(manifest | {"files": [*written]})
    sidecar = read_sidecar(out)
    assert sidecar is not None
    return sidecar


def _write(content: Content, write: Write, stage: Stage) -> tuple[Files, list[str]]:
    """Write the files apart and move them into the folder; return which holds which space, and what is there now."""
    work = stage.folder / WORK
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    files = write(content, work)
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
    return files, names


def choose_items(
    feature_set: FeatureSet, interactions: pl.DataFrame | None, *, only_used: bool
) -> tuple[ChosenIds, np.ndarray]:
    """Return the items of the set, then those that only the interactions know: n ids and (n,) rows, -1 for the latter.

    Args:
        feature_set: the set.
        interactions: user_id, item_id, …; None for the items of the set alone.
        only_used: leave out the items that no interaction names.

    Raises:
        InputError: the interactions name none of the set's items.
    """
    reader = RowReader(feature_set, ["item_id"])
    if interactions is None:
        rows = np.arange(feature_set.rows)
        return ChosenIds(reader, rows), rows
    known = pl.concat(pl.DataFrame(table) for table in feature_set.tables(["item_id"])).with_row_index("row")
    used = interactions.select("item_id").unique()
    found = known.join(used, on="item_id", how="semi", maintain_order="left")
    if found.is_empty():
        raise InputError(
            f"none of the {len(used)} items of the interactions is in {feature_set.folder} (such as "
            f"{used['item_id'].sort()[0]}; its own are such as {known['item_id'][0]}). Give the interactions of the "
            "same catalog, or --item-map for a file that numbers its items"
        )
    added = used.join(known, on="item_id", how="anti")["item_id"].sort().to_list()
    kept = (found if only_used else known)["row"].to_numpy().astype(np.int64)
    return ChosenIds(reader, kept, added), np.concatenate([kept, np.full(len(added), -1)])


def _vectors(
    feature_set: FeatureSet, name: str, rows: np.ndarray, missing: Missing, *, nulls: bool
) -> ExchangedVectors:
    spec = feature_set.spaces[name]
    found, present = chosen_rows(feature_set, name, rows, "zero" if nulls else missing)
    return ExchangedVectors(name, spec.modality, spec.dtype, found, present)


def _read(feature_set: FeatureSet, inputs: Mapping[str, Path | None]) -> dict[str, Json]:
    """Return what tells the vectors and the files beside them from others.

    Raises:
        InputError: a file is not there.
    """
    hashes = "".join(shard.sha256 for shard in feature_set.manifest.shards)
    for path in inputs.values():
        if path is not None and not path.is_file():
            raise InputError(f"{path} does not exist; expected a file of interactions or an item map")
    return {
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
    feature_set: FeatureSet, content: Content, rows: np.ndarray, files: Files, *, format: str, fill: str
) -> dict[str, Json]:
    entries: list[Json] = [
        {
            "name": space.name,
            "file": files[space.name],
            "modality": space.modality,
            "dim": space.dim,
            "dtype": space.dtype,
            "fill": None if space.present.all() else fill,
            "missing_rows": [*np.flatnonzero(~space.present).tolist()],
            "provenance": feature_set.spaces[space.name].document(),
        }
        for space in content.spaces
    ]
    return {
        "format_version": FORMAT_VERSION,
        "featurizer_version": featurizer.__version__,
        "format": format,
        "rows": len(rows),
        "left_out": feature_set.rows - int((rows >= 0).sum()),
        "added": int((rows < 0).sum()),
        "interactions": None if content.interactions is None else content.interactions.height,
        "spaces": entries,
        "supervised": _supervised(feature_set, content),
        "feature_set": _origin(feature_set.manifest.document()),
    }


def _supervised(feature_set: FeatureSet, content: Content) -> list[Json]:
    """Return the items whose interactions taught one of the spaces, where that is known."""
    taught = any(feature_set.spaces[space.name].supervised is not None for space in content.spaces)
    listed = feature_set.folder / SUPERVISED
    return [*read_supervised(listed)] if taught and listed.exists() else []


def _origin(manifest: Mapping[str, Json]) -> dict[str, Json]:
    return {
        name: manifest.get(name) for name in ("fingerprint", "source", "text_recipe", "featurizer_version")
    }
