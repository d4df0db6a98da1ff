"""The papers behind a feature set: AlignRec's, those that its encoders' families name, and their architectures'."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from featurizer.encoders.architectures import ARCHITECTURES
from featurizer.encoders.family import find_family
from featurizer.papers import ALIGNREC, Paper
from featurizer.records import Json


def papers_of(spaces: Iterable[Mapping[str, Json]]) -> list[Paper]:
    """Return AlignRec's paper and those behind the spaces' encoders, each once, in order."""
    found = (paper for spec in spaces for paper in _behind(str(spec.get("family")), str(spec.get("model"))))
    return list(dict.fromkeys([ALIGNREC, *found]))


def _behind(name: str, model: str) -> Iterator[Paper]:
    family = find_family(name)
    tables = [ARCHITECTURES] if family is None else [family.papers, ARCHITECTURES]
    for pattern, paper in (entry for table in tables for entry in table.items()):
        if re.search(pattern, model.lower()):
            yield paper
