"""The dataset card: rendered from the manifest alone, so it can be rendered again at any time."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path

import jinja2

from featurizer.features.feature_set import FeatureSet
from featurizer.manifest import atomic_path
from featurizer.records import Json
from featurizer.resources import asset

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
DEFAULTS: Mapping[str, Json] = {
    "dtype": "float32",
    "compute_dtype": "float32",
    "batch_size": 32,
    "shard_rows": 2048,
    "device": "cpu",
}
"""Options of `extract` that the card's command names where they are others."""
_MARKUP = str.maketrans({character: f"\\{character}" for character in "\\`*_[]<>|#~"})


def write_card(feature_set: FeatureSet) -> Path:
    """Render `README.md` into the feature set's folder and return its path."""
    path = feature_set.folder / "README.md"
    with atomic_path(path) as partial:
        partial.write_text(render_card(feature_set), "utf-8")
    return path


def render_card(feature_set: FeatureSet) -> str:
    """Return the card: YAML front matter as the Hub reads it, then Markdown.

    What comes from data (titles, model names, reasons) is escaped as Markdown; a field that the template
    needs and the manifest lacks raises `jinja2.UndefinedError`.
    """
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=True
    )
    environment.filters["markdown"] = escape_markdown
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    template = environment.from_string((asset("cards") / "feature_set.md.j2").read_text("utf-8"))
    return template.render(**_context(feature_set))


def escape_markdown(text: object) -> str:
    """Return text that Markdown and HTML show as it is, on one line."""
    return " ".join(str(text).split()).translate(_MARKUP)


def _context(feature_set: FeatureSet) -> dict[str, Json]:
    manifest = feature_set.manifest
    source = manifest.get("source")
    described = source if isinstance(source, dict) else {}
    spaces: list[Json] = [{**spec, "name": name} for name, spec in feature_set.spaces.items()]
    encoders = ", ".join(dict.fromkeys(str(spec["encoder"]) for spec in feature_set.spaces.values()))
    names = (
        "rows",
        "with_image",
        "with_text",
        "failures",
        "device",
        "libraries",
        "text_recipe",
        "fingerprint",
    )
    return {
        **{name: manifest[name] for name in names},
        "title": f"{described.get('name') or 'Item'} features ({encoders})",
        "licence": described.get("licence"),
        "source": {str(key): value for key, value in described.items()},
        "spaces": spaces,
        "command": _command(feature_set),
        "bytes": sum(path.stat().st_size for path in feature_set.shards),
        "size_category": next((name for limit, name in SIZES if feature_set.rows < limit), "n>1M"),
    }


def _command(feature_set: FeatureSet) -> str | None:
    """Return the `featurizer extract` that makes the set, options that are no defaults included."""
    manifest, config = feature_set.manifest, feature_set.manifest.get("config")
    requests = manifest.get("requests")
    if not isinstance(requests, list) or not requests or not isinstance(config, dict):
        return None
    words = ["featurizer", "extract", "CATALOG"]
    for request in requests:
        words += ["--encoder", str(request)]
    compute = {str(spec.get("compute_dtype")) for spec in feature_set.spaces.values()}
    chosen = {**config, "compute_dtype": compute.pop() if len(compute) == 1 else "float32"}
    for name, usual in DEFAULTS.items():
        if chosen.get(name, usual) != usual:
            words += [f"--{name.replace('_', '-')}", str(chosen[name])]
    return shlex.join([*words, "--out", "DIR"])
