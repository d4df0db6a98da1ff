"""Stores for tests: one on this machine's disk, by fsspec's own file system, and what puts a folder into any."""

import fsspec
from fsspec.implementations.local import LocalFileSystem


class Shelf(LocalFileSystem):
    """Addresses `shelf://tmp/x` lead to `/tmp/x`."""

    protocol = "shelf"

    def __init__(self, **options):
        super().__init__(auto_mkdir=True, **options)

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol("/" + path.removeprefix("shelf://").lstrip("/"))


fsspec.register_implementation("shelf", Shelf, clobber=True)


def shelf(folder):
    """Return the address of a folder that is made when something is put there."""
    return f"shelf:/{folder}/shelf"


def copied(folder, target):
    """Put a folder into a store, as any program would."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            (target / path.relative_to(folder).as_posix()).put(path)
    return target
