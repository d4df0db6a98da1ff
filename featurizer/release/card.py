"""The dataset card: rendered from manifest, scores and vectors, so it can be rendered again at any time."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from featurizer.catalog.datasets import SAMPLE
from featurizer.features.feature_set import FeatureSet
from featurizer.features.losses import text_losses
from featurizer.records import Json
from featurizer.release.citations import papers_of
from featurizer.release.examples import find_examples, store_examples, stored_examples
from featurizer.release.licenses import hub_license, is_stated
from featurizer.release.markdown import render
from featurizer.release.scores import draw, shown_scores
from featurizer.results.files import atomic_path
from featurizer.results.names import CARD, SCORES_PLOT
from featurizer.scoring.document import NOT_USED
from featurizer.scoring.taught import origin
from featurizer.scoring.verdict import verdicts

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
FROM_MANIFEST = (
    "rows",
    "with_image",
    "with_text",
    "failures",
    "update",
    "device",
    "libraries",
    "text_recipe",
    "fingerprint",
)
DEFAULTS: Mapping[str, Json] = {
    "dtype": "float32",
    "compute_dtype": "float32",
    "batch_size": 32,
    "shard_rows": 2048,
    "device": "cpu",
}
"""Options of `extract` that the card's command names where they are others."""


def write_card(feature_set: FeatureSet, *, titles: Mapping[str, str | None] | None = None) -> Path:
    """Render `README.md` into the feature set's folder, with its examples and its plot, and return its path.

    Args:
        feature_set: what it is of.
        titles: of items, from the catalog, for the examples.

    Raises:
        InputError: `scores.json` is not what it should be.
    """
    if titles or stored_examples(feature_set) is None:
        store_examples(feature_set, find_examples(feature_set, titles or {}))
    scores = shown_scores(feature_set.folder)
    if scores is not None:
        with atomic_path(feature_set.folder / SCORES_PLOT) as partial:
            partial.write_bytes(draw(scores))
    path = feature_set.folder / CARD
    with atomic_path(path) as partial:
        partial.write_text(render_card(feature_set, titles=titles), "utf-8")
    return path


def render_card(
    feature_set: FeatureSet,
    *,
    repo: str | None = None,
    pictures: bool = False,
    titles: Mapping[str, str | None] | None = None,
) -> str:
    """Return the card: YAML front matter as the Hub reads it, then Markdown; nothing is written.

    What comes from data (titles, model names, reasons) is escaped; a field that the template needs and the manifest
    lacks raises `jinja2.UndefinedError`.

    Args:
        feature_set: what it is of.
        repo: the repository it will stand in, ORG/NAME; None before it is known.
        pictures: whether the catalog's pictures are published beside the vectors, in `items/`.
        titles: of items, from the catalog, for the examples.

    Raises:
        InputError: `scores.json` is not what it should be.
    """
    examples = None if titles else stored_examples(feature_set)
    if examples is None:
        examples = find_examples(feature_set, titles or {})
    told = {"repo": repo or "ORG/NAME", "pictures": pictures, "examples": examples}
    return render("feature_set.md.j2", _context(feature_set) | told)


def license_of(feature_set: FeatureSet) -> str | None:
    """Return the license that the vectors go out under: the set's own, else its source's where it states one."""
    own, source = feature_set.manifest.license, feature_set.manifest.source
    if own is not None and own.strip():
        return own
    stated = source.license if source is not None else None
    return stated if is_stated(stated) else None


def title_of(feature_set: FeatureSet) -> str:
    """Return the set's name: its source's, and its encoders'."""
    source = feature_set.manifest.source
    name = source.name if source is not None else None
    encoders = ", ".join(dict.fromkeys(spec.encoder for spec in feature_set.spaces.values()))
    return f"{name or 'Item'} features ({encoders})"


def _context(feature_set: FeatureSet) -> dict[str, object]:
    source = feature_set.manifest.source
    license, license_name = hub_license(license_of(feature_set))
    scores = shown_scores(feature_set.folder)
    specs = feature_set.spaces
    return {
        **{name: getattr(feature_set.manifest, name) for name in FROM_MANIFEST},
        "title": title_of(feature_set),
        "license": license,
        "license_name": license_name,
        "source": source.document() if source is not None else {},
        "spaces": [{**spec.document(), "name": name} for name, spec in specs.items()],
        "losses": list(text_losses(feature_set)),
        "command": _command(feature_set),
        "bytes": sum(path.stat().st_size for path in feature_set.shards),
        "size_category": next((name for limit, name in SIZES if feature_set.rows < limit), "n>1M"),
        "scores": scores,
        "use": verdicts(scores.found) if scores is not None else [],
        "taught": {name: spec.supervised for name, spec in specs.items() if spec.supervised is not None},
        "heard": [
            name
            for name, spec in specs.items()
            if spec.saw_interactions
            and spec.supervised is None
            and spec.preprocessing.get("training") != "not used"
        ],
        "untrained": [name for name in specs if origin(name, specs) == NOT_USED],
        "synthetic": source is not None and source.name == SAMPLE,
        "papers": papers_of(specs.values()),
    }


def _command(feature_set: FeatureSet) -> str | None:
    """Return the `featurizer extract` that makes the set, options that are no defaults included."""
    manifest = feature_set.manifest
    if not manifest.requests:
        return None
    words = ["featurizer", "extract", "CATALOG"]
    for request in manifest.requests:
        words += ["--encoder", request]
    compute = {spec.compute_dtype for spec in feature_set.spaces.values()}
    chosen = {**manifest.config, "compute_dtype": compute.pop() if len(compute) == 1 else "float32"}
    for name, usual in DEFAULTS.items():
        if chosen.get(name, usual) != usual:
            words += [f"--{name.replace('_', '-')}", str(chosen[name])]
    return shlex.join([*words, "--out", "DIR"])
