"""Why so many pictures are missing: the commonest reason, the worst hosts, some addresses, and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from featurizer.records import NO_FAILURE, NONE, Json

if TYPE_CHECKING:
    from featurizer.catalog.store import Catalog

WORST = 3
"""So many hosts are named."""
SHOWN = 5
"""So many pictures are named."""
LOW = 0.05
"""From this share of failures on, they are explained."""


@dataclass(frozen=True, slots=True)
class FailedPictures:
    """What failed in a catalog.

    Attributes:
        wanted: pictures asked for.
        reasons: how many failed for which.
        hosts: of each host, how many failed and how many were asked for; the worst first.
        examples: item, address and reason, of as many reasons and hosts as there are.
    """

    wanted: int
    reasons: Counter[str]
    hosts: tuple[tuple[str, int, int], ...]
    examples: tuple[tuple[str, str, str], ...]

    @property
    def failed(self) -> int:
        """How many."""
        return self.reasons.total()

    @property
    def is_low(self) -> bool:
        """Whether so many failed that it needs an explanation."""
        return self.failed > LOW * self.wanted

    def lines(self) -> list[str]:
        """Explain it to a person."""
        from featurizer.catalog.images.reasons import explain

        most, count = self.reasons.most_common(1)[0]
        why = explain(most)
        told = [
            f"  {self.failed:,} of {self.wanted:,} pictures failed, {count:,} of them as {most}: {_plain(why.meaning)}",
            f"    what to do: {_plain(why.advice)}",
        ]
        if any(explain(reason).retried for reason in self.reasons) and "--retry-failed" not in told[-1]:
            told[-1] += "; what may pass is asked for once more with --retry-failed"
        if self.hosts:
            worst = [f"{host} ({failed:,} of {asked:,})" for host, failed, asked in self.hosts]
            told.append(f"    where: {', '.join(worst)}")
        return [
            *told,
            *(f"    {item}: {reason} {address}".rstrip() for item, address, reason in self.examples),
        ]

    def record(self) -> dict[str, Json]:
        """Return it for `--json`."""
        return {
            "wanted": self.wanted,
            "failed": self.failed,
            "reasons": dict(self.reasons.most_common()),
            "hosts": [{"host": host, "failed": failed, "asked": asked} for host, failed, asked in self.hosts],
            "examples": [
                {"item_id": item, "url": address, "status": reason} for item, address, reason in self.examples
            ],
        }


def failed_pictures(catalog: Catalog) -> FailedPictures:
    """Look through a catalog for the pictures that failed."""
    asked, failed = Counter[str](), Counter[str]()
    examples: dict[tuple[str, str], tuple[str, str, str]] = {}
    pictures = catalog.manifest.pictures
    reasons = Counter({status: count for status, count in pictures.items() if status not in NO_FAILURE})
    others: list[tuple[str, str, str]] = []
    for item, status, address in told_pictures_of(catalog):
        host = _host(address)
        asked[host] += status != NONE
        if status in NO_FAILURE:
            continue
        failed[host] += 1
        found = (item, address or "", status)
        if examples.setdefault((status, host), found) != found and len(others) < SHOWN:
            others.append(found)
    worst = [(host, count, asked[host]) for host, count in failed.most_common(WORST) if host]
    seen = Counter[str]()
    turns: list[tuple[int, tuple[str, str, str]]] = []
    for found in sorted(examples.values(), key=lambda found: -reasons[found[2]]):
        turns.append((seen[found[2]], found))  # one of each reason first, the commonest before the others
        seen[found[2]] += 1
    kinds = [found for _, found in sorted(turns, key=lambda turn: turn[0])]
    return FailedPictures(
        pictures.total() - pictures[NONE],
        reasons, tuple(worst), tuple([*kinds, *others][:SHOWN]),
    )  # fmt: skip


def told_pictures_of(catalog: Catalog) -> Iterator[tuple[str, str, str | None]]:
    """Yield item, status and address of every picture."""
    from featurizer.catalog.stored_pictures import told_columns, told_pictures

    for batch in catalog.batches(["item_id", *told_columns(catalog.schema)], size=4096):
        for row in batch.to_pylist():
            for status, address in told_pictures(row):
                yield row["item_id"], status, address


def _host(address: str | None) -> str:
    try:
        return urlsplit(address or "").netloc
    except ValueError:
        return ""


def _plain(text: str) -> str:
    return text.replace("`", "")
