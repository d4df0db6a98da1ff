"""A store on this machine's disk, by fsspec's own file system: for what every driver's contract promises."""

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
