"""What `download` and `ingest` say of the catalog they made."""

from __future__ import annotations

import shlex
from enum import StrEnum
from typing import TYPE_CHECKING

import typer

from featurizer.cli.console import result, result_json, say
from featurizer.records import NONE, OK

if TYPE_CHECKING:
    from featurizer.catalog.store import Catalog


class SplitName(StrEnum):
    """How interactions are split into train, valid and test."""

    random = "random"
    leave_one_out = "leave-one-out"
    global_time = "global-time"


def report_catalog(catalog: Catalog, max_failures: int | None, *, as_json: bool) -> None:
    """Print what was made; exit 3 when more pictures failed than allowed."""
    statuses = catalog.manifest["image_status"]
    assert isinstance(statuses, dict)
    failed = sum(
        count for status, count in statuses.items() if status not in (OK, NONE) and isinstance(count, int)
    )
    summary = {
        name: catalog.manifest.get(name)
        for name in ("rows", "with_text", "image_status", "notes", "interactions")
    }
    if as_json:
        result_json({"out": str(catalog.folder), **summary})
    else:
        pictures = ", ".join(f"{count:,} {status}" for status, count in statuses.items())
        result(
            f"{catalog.folder}: {catalog.rows:,} items; pictures: {pictures}; {summary['with_text']:,} with text"
        )
        for name in ("notes", "interactions"):
            entries = summary[name]
            if isinstance(entries, dict) and entries:
                result(
                    f"  {name}: "
                    + ", ".join(
                        f"{key} {value:,}" if isinstance(value, int) else f"{key} {value}"
                        for key, value in entries.items()
                    )
                )
        encoders = [
            name
            for name, there in (("efficientnet-lite0", OK in statuses), ("minilm", summary["with_text"]))
            if there
        ]
        if encoders:
            chosen = " ".join(f"--encoder {name}" for name in encoders)
            say(f"Next: featurizer extract {shlex.quote(str(catalog.folder))} {chosen} --out FEATURES")
    if max_failures is not None and failed > max_failures:
        say(f"{failed} pictures failed, more than the {max_failures} allowed", always=True)
        raise typer.Exit(3)
