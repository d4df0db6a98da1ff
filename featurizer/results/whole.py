"""Is a result's folder whole? What every kind of result is asked: its manifest, its listed files, strays, links."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

import pyarrow as pa

from featurizer.records import Json
from featurizer.results.files import file_sha256, fingerprint, read_json
from featurizer.results.seal import SEAL, is_intact
from featurizer.results.stage import STAGE_FILE, is_local

UNREADABLE = (OSError, pa.ArrowException)
"""What reading a damaged Parquet file raises."""


def manifest_problems(path: Path, version: int, *, sealed: bool) -> Iterator[str]:
    """Yield what is wrong with a manifest by itself: its format, its fingerprint, its own hash.

    Args:
        path: the manifest.
        version: of the format that this version reads.
        sealed: whether it must have a hash of itself, since what else it says no earlier version wrote.

    Raises:
        InputError: it is no JSON object.
    """
    found = read_json(path)
    if found.get("format_version") != version:
        yield f"it is of format {found.get('format_version')}, expected {version}; use the version that made it"
    config = found.get("config")
    if isinstance(config, dict) and not _fits(config, found.get("fingerprint")):
        yield "its fingerprint is not that of its configuration"
    yield from seal_problems(found, sealed=sealed)
    if (path.parent / STAGE_FILE).exists():
        yield f"{STAGE_FILE} stands beside it: the result is unfinished, or was copied while it was made"


def seal_problems(manifest: Mapping[str, Json], *, sealed: bool) -> Iterator[str]:
    """Yield what is wrong with a manifest's hash of itself; `sealed` as above."""
    if SEAL not in manifest and sealed:
        yield f"it has no {SEAL}, expected one: what wrote it always does"
    if not is_intact(manifest):
        yield f"it was changed since it was written: its {SEAL} is not that of its content"


def _fits(config: Mapping[str, Json], recorded: Json) -> bool:
    try:
        return fingerprint(config) == recorded
    except ValueError:
        return False


def links(folder: Path, names: Iterable[str]) -> Iterator[str]:
    """Yield which of a result's files and folders are links: what they lead to is no part of it."""
    yield from (
        f"{name} is a link, expected the file itself" for name in names if (folder / name).is_symlink()
    )


def strays(folder: Path, inside: str, listed: Collection[str]) -> list[str]:
    """Return what lies in one folder of a result, however deep, and is not listed; paths from the result's folder."""
    found = (path for path in (folder / inside).rglob("*") if path.is_symlink() or not path.is_dir())
    names = (path.relative_to(folder).as_posix() for path in found)
    return sorted(name for name in names if name not in listed and not is_local(Path(name).name))


def file_hashes(paths: Iterable[Path]) -> dict[str, Json]:
    """Return the sha256 of files by their names, as manifests record them under `files`."""
    return {path.name: file_sha256(path) for path in paths}
