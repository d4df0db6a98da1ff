"""The papers behind what is released: AlignRec's, and those of encoders and recommenders."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from featurizer.encoders.architectures import ARCHITECTURES
from featurizer.encoders.family import find_family
from featurizer.papers import ALIGNREC, Paper
from featurizer.recsys.registry import load_recommender
from featurizer.registry import RECOMMENDERS, names
from featurizer.results.manifests.feature_set import SpaceProvenance


def papers_of(spaces: Iterable[SpaceProvenance]) -> list[Paper]:
    """Return AlignRec's paper and those behind the spaces' encoders, each once, in order."""
    found = (paper for spec in spaces for paper in _behind(spec.family or "", spec.model or ""))
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
