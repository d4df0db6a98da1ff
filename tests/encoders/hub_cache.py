"""Repositories as the Hub's client keeps them, so that a model is loaded by its name without a network."""

import shutil
from pathlib import Path

COMMIT = "0123456789abcdef" * 2 + "01234567"


def cached(
    cache: Path, repo: str, folder: Path, *, commit: str = COMMIT, lacks: tuple[str, ...] = ()
) -> Path:
    """Put a folder's files into the cache as one commit of a repository, and say which files it lacks."""
    place = cache / f"models--{repo.replace('/', '--')}"
    snapshot = place / "snapshots" / commit
    shutil.copytree(folder, snapshot)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(commit)
    absent = place / ".no_exist" / commit
    for name in lacks:
        (absent / name).parent.mkdir(parents=True, exist_ok=True)
        (absent / name).touch()
    return snapshot
