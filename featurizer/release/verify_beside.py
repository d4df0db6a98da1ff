"""What lies beside a feature set (card, scores, examples, Croissant) against its manifest."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from PIL import Image

import featurizer
from featurizer.errors import FeaturizerError, InputError
from featurizer.features.feature_set import FeatureSet
from featurizer.features.inspect import Neighbor, neighbors_of_items
from featurizer.features.lookup import rows_of
from featurizer.records import Json
from featurizer.release.card import render_card
from featurizer.release.croissant import render_croissant
from featurizer.release.examples import NEIGHBORS, Example, stored_examples
from featurizer.release.verify_card import AGAIN, card_problems, leave_out
from featurizer.results.files import read_json
from featurizer.results.findings import Findings
from featurizer.results.names import CARD, CROISSANT, EXAMPLES, FEATURE_SET, SCORES, SCORES_PLOT
from featurizer.results.seal import SEAL
from featurizer.results.whole import links, manifest_problems, seal_problems
from featurizer.scoring.document import FEATURE_SET_FINGERPRINT, Scores, read_scores

OF_CATALOG = "## Nearest items"
"""A section whose titles are the catalog's: it is compared where `examples.json` keeps them."""
ROUNDING = 1e-9
SHOWN = 3
"""How many spaces a problem names."""
CLOSE, TIED = 2e-3, 7
"""How near a rounded cosine is to its own, and so many more neighbors may tie with those that are listed."""


def verify_beside(feature_set: FeatureSet) -> Findings:
    """Look at what other commands wrote beside a set; what is not there is not missed."""
    looks: dict[str, Callable[[FeatureSet], Iterator[str]]] = {SCORES: scores_problems, EXAMPLES: _examples}
    notes: list[str] = []
    if feature_set.manifest.featurizer_version == featurizer.__version__:
        looks |= {CARD: _card, CROISSANT: _croissant}
    else:
        theirs = feature_set.manifest.featurizer_version
        there = [name for name in (CARD, CROISSANT) if (feature_set.folder / name).exists()]
        notes += [
            f"{name} is not compared: featurizer {theirs} wrote the set, this is {featurizer.__version__}"
            for name in there
        ]
    problems = list(links(feature_set.folder, (*looks, SCORES_PLOT)))
    for name, look in looks.items():
        if (feature_set.folder / name).is_file():
            try:
                problems += [f"{name}: {problem}" for problem in look(feature_set)]
            except (FeaturizerError, UnicodeDecodeError, OSError) as error:
                problems.append(f"{name} cannot be looked at: {error}")
    notes += _unsealed(feature_set.folder)
    problems += [f"{SCORES_PLOT}: {problem}" for problem in _plot(feature_set.folder)]
    return Findings.of(problems, notes)


def _plot(folder: Path) -> Iterator[str]:
    path = folder / SCORES_PLOT
    if not path.is_file():
        return
    if not (folder / SCORES).exists():
        yield f"it is there without {SCORES}"
    try:
        with path.open("rb") as file, Image.open(file) as picture:
            picture.verify()
        if picture.format != "PNG":
            yield f"it is {picture.format}, expected PNG; {AGAIN}"
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        yield f"it is no whole picture ({error}); {AGAIN}"


def verify_scores(folder: Path) -> Findings:
    """Look at a folder that `featurizer score-features` wrote.

    Raises:
        InputError: `scores.json` is not what it should be.
    """
    from featurizer.scoring.score import FORMAT_VERSION  # imports torch

    path = folder / SCORES
    problems = [*manifest_problems(path, FORMAT_VERSION, sealed=_records_seal(read_json(path)))]
    problems += _intervals(read_scores(path))
    return Findings.of([f"{SCORES}: {problem}" for problem in problems], _unsealed(folder))


def _records_seal(scores: Mapping[str, Json]) -> bool:
    """Say whether what wrote these scores sealed them: no earlier version wrote these fields."""
    return "date" in scores or FEATURE_SET_FINGERPRINT in scores


def _unsealed(folder: Path) -> list[str]:
    """Say that scores of an earlier version have no seal; where none can be read, that is a problem elsewhere."""
    try:
        scores = read_json(folder / SCORES)
    except InputError:
        return []
    unsealed = SEAL not in scores and not _records_seal(scores)
    return [f"{SCORES}: {SEAL} is not recorded; it is believed"] if unsealed else []


def _card(feature_set: FeatureSet) -> Iterator[str]:
    """Compare the card with the one that manifest, scores and examples make."""
    yield from card_problems(
        feature_set.folder / CARD,
        lambda repo, card: render_card(feature_set, repo=repo, pictures="config_name: items" in card),
        _without_titles if stored_examples(feature_set) is None else str,
    )


def _without_titles(card: str) -> str:
    return leave_out(OF_CATALOG, card)


def _croissant(feature_set: FeatureSet) -> Iterator[str]:
    found = read_json(feature_set.folder / CROISSANT)
    url = found.get("url")
    repo = "/".join(url.split("/")[-2:]) if isinstance(url, str) and url.count("/") > 1 else None
    expected: Json = json.loads(render_croissant(feature_set, repo=repo))
    where = _differing(found, expected)
    if where is not None:
        yield f"{where or 'it'} is not what the manifest makes it; {AGAIN}"


def _differing(found: Json, expected: Json, where: str = "") -> str | None:
    """Return where two JSON values differ first, None where they do not."""
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in sorted(found.keys() | expected.keys()):
            inner = f"{where}.{key}" if where else key
            if key not in found or key not in expected:
                return inner
            deeper = _differing(found[key], expected[key], inner)
            if deeper is not None:
                return deeper
        return None
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        pairs = enumerate(zip(found, expected, strict=True))
        places = (_differing(one, other, f"{where}[{place}]") for place, (one, other) in pairs)
        return next((place for place in places if place is not None), None)
    return None if found == expected and type(found) is type(expected) else where


def _examples(feature_set: FeatureSet) -> Iterator[str]:
    found = stored_examples(feature_set)
    if found is None:
        yield f"it is of another set than {FEATURE_SET}; delete it, {AGAIN}"
        return
    named = sorted({name for example in found for name in _named(example)})
    unknown = {name for name, row in zip(named, rows_of(feature_set, named), strict=True) if row < 0}
    looked = [
        example
        for example in found
        if not unknown & _named(example) and not example.spaces.keys() - feature_set.spaces.keys()
    ]
    near = neighbors_of_items(feature_set, [one.item_id for one in looked], k=NEIGHBORS + TIED)
    for example in found:
        lacking = sorted(unknown & _named(example))
        if lacking:
            yield f"it names {lacking[0]}, which is no item of the set"
        if set(example.spaces) - set(feature_set.spaces):
            yield f"it names spaces that the set does not have, for {example.item_id}"
        elif not lacking:
            yield from _nearest(example, near[example.item_id])


def _named(example: Example) -> set[str]:
    return {example.item_id, *(near.item_id for rows in example.spaces.values() for near in rows)}


def _nearest(example: Example, near: Mapping[str, Sequence[Neighbor]]) -> Iterator[str]:
    for space, listed in example.spaces.items():
        found = {one.item_id: one.cosine for one in near.get(space, [])}
        expected = sorted(found.values(), reverse=True)[:NEIGHBORS]
        right = len(listed) == len(expected) and all(
            abs(one.cosine - found.get(one.item_id, math.inf)) < CLOSE and abs(one.cosine - best) < CLOSE
            for one, best in zip(listed, expected, strict=True)
        )
        if not right:
            yield f"the items nearest to {example.item_id} in {space} are not those that it lists; {AGAIN}"


def scores_problems(feature_set: FeatureSet) -> Iterator[str]:
    """Yield what is wrong with the `scores.json` in a set: its seal, whose it is, its spaces and intervals.

    Raises:
        InputError: it is not what `featurizer score-features` writes.
    """
    raw = read_json(feature_set.folder / SCORES)
    yield from seal_problems(raw, sealed=_records_seal(raw))
    of = raw.get(FEATURE_SET_FINGERPRINT)
    if of is not None and of != feature_set.manifest.fingerprint:
        yield "it is of another feature set: score this one"
    found = read_scores(feature_set.folder / SCORES)
    yield from _spaces(found, feature_set)
    yield from _intervals(found)


def _spaces(found: Scores, feature_set: FeatureSet) -> Iterator[str]:
    """Say which spaces are scored and not in the set; of several scored sets one must be this."""
    by_set: dict[str, set[str]] = {}
    for row in found.scores:
        if not row.is_baseline:
            by_set.setdefault(row.feature_set, set()).update(row.space.split("+"))
    unknown = {label: spaces - set(feature_set.spaces) for label, spaces in by_set.items()}
    if unknown and all(unknown.values()):
        label, spaces = next(iter(unknown.items()))
        more = ", …" if len(spaces) > SHOWN else ""
        yield f"it scores {', '.join(sorted(spaces)[:SHOWN])}{more} of {label}, which {FEATURE_SET} does not list"


def _intervals(found: Scores) -> Iterator[str]:
    figures = [(row.name, row.value, row.ci_low, row.ci_high) for row in found.scores]
    figures += [(row.name, row.difference, row.ci_low, row.ci_high) for row in found.comparisons]
    outside = [
        name
        for name, value, low, high in figures
        if low is not None and high is not None and not low - ROUNDING <= value <= high + ROUNDING
    ]
    if outside:
        yield f"{len(outside)} figures lie outside their intervals, the first of {outside[0]}"
