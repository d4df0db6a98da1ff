"""Everything featurizer raises on purpose.

    FeaturizerError
    ├── InputError              what was given cannot be used
    │   ├── UnknownName         no such encoder, dataset, column or space; carries the nearest names
    │   └── DownloadError       a source file could not be fetched whole
    ├── MissingExtra            an optional package is not installed; carries the pip line
    ├── ModelUnavailable        weights could not be loaded from where they were asked for
    │   └── CodeNotTrusted      the model comes with code of its own, which is not run
    ├── HubError                the Hub refused a request, or could not be reached
    ├── StaleOutput             the folder holds the result of another configuration
    ├── FolderBusy              another process is writing the folder
    ├── ShapeMismatch           vectors do not have the shape their specification promises
    ├── OutputError             the disk refused what had to be written
    └── StoreError              an object store refused a request, or could not be reached

A message says what was found, what was expected and what to do, in one paragraph. One item's failure is
never an exception that leaves a stage: it is a reason in that item's row.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from featurizer.discretion import as_given, without_login

__all__ = [
    "CodeNotTrusted",
    "DownloadError",
    "FeaturizerError",
    "FolderBusy",
    "HubError",
    "InputError",
    "MissingExtra",
    "ModelUnavailable",
    "OutputError",
    "ShapeMismatch",
    "StaleOutput",
    "StoreError",
    "UnknownName",
]

SHOWN = 20
"""So many known names stand in a message; users and items come by the hundred thousand."""


def pip_line(extra: str | None, package: str = "featurizer") -> str:
    """Return what installs a package, with one of its optional dependencies or without."""
    return f"pip install '{package}[{extra}]'" if extra else f"pip install {package}"


class FeaturizerError(Exception):
    """The root: catch it to catch everything that featurizer raises on purpose. No message holds a login."""

    def __init__(self, *told: object) -> None:
        super().__init__(*(as_given(without_login(one)) if isinstance(one, str) else one for one in told))


class InputError(FeaturizerError):
    """What was given (a file, a folder, a value) cannot be used."""


class UnknownName(InputError):
    """A name that nothing answers to; the message carries the nearest known names."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, advice: str = "") -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        listed = ", ".join(names[:SHOWN]) + (f", … ({len(names):,} in all)" if len(names) > SHOWN else "")
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {listed or 'none'}."
        super().__init__(f"unknown {kind} '{name}': {hint}{' ' + advice if advice else ''}")
        self.name, self.near = name, near


class DownloadError(InputError):
    """A source file could not be fetched whole; what had arrived is kept for the next try."""


class MissingExtra(FeaturizerError):
    """An optional package is missing; the message carries the exact pip line."""

    def __init__(self, what: str, extra: str | None, package: str = "featurizer") -> None:
        super().__init__(f"{what} is not installed. Install it with: {pip_line(extra, package)}")


class ModelUnavailable(FeaturizerError):
    """A model's weights could not be loaded from where they were asked for."""


class CodeNotTrusted(ModelUnavailable):
    """A model comes with code of its own, which is run only where it is trusted.

    Attributes:
        encoder: the model, as FAMILY:REPO.
    """

    def __init__(self, encoder: str, advice: str) -> None:
        super().__init__(f"{encoder} comes with code of its own, which {advice}")
        self.encoder = encoder


class HubError(FeaturizerError):
    """The Hub refused what was asked of it, or could not be reached; what had arrived there is kept."""


class StaleOutput(FeaturizerError):
    """The output folder holds the result of another configuration."""


class FolderBusy(FeaturizerError):
    """Another process is writing the folder; the message names it."""


class ShapeMismatch(FeaturizerError):
    """Vectors do not have the shape that their specification promises."""


class OutputError(FeaturizerError):
    """The file system refused a write (disk full, no permission)."""


class StoreError(FeaturizerError):
    """An object store refused a request, has no such bucket, or could not be reached."""
