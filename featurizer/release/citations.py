"""The papers behind what is released: AlignRec's, and those of encoders and recommenders."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from featurizer.encoders.architectures import ARCHITECTURES
from featurizer.encoders.family import find_family
from featurizer.papers import ALIGNREC, Paper
from featurizer.records import Json
from featurizer.recsys.registry import load_recommender
from featurizer.registry import RECOMMENDERS, names


def papers_of(spaces: Iterable[Mapping[str, Json]]) -> list[Paper]:
    """Return AlignRec's paper and those behind the spaces' encoders, each once, in order."""
    found = (paper for spec in spaces for paper in _behind(str(spec.get("family")), str(spec.get("model"))))
    return list(dict.fromkeys([ALIGNREC, *found]))


def paper_of_model(kind: str) -> Paper | None:
    """Return the paper of a trained model: AlignRec's for `ica`, else its recommender's, if it is known here."""
    if kind == "ica":
        return ALIGNREC
    return load_recommender(kind).paper if kind in names(RECOMMENDERS) else None


def _behind(name: str, model: str) -> Iterator[Paper]:
    family = find_family(name)
    tables = [ARCHITECTURES] if family is None else [family.papers, ARCHITECTURES]
    for pattern, paper in (entry for table in tables for entry in table.items()):
        if re.search(pattern, model.lower()):
            yield paper
