"""A feature set's manifest against the configuration in it: what is said twice must be said alike."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from featurizer.features.arrays import UNKNOWN
from featurizer.records import Json
from featurizer.results.manifests.feature_set import FeatureSetManifest
from featurizer.results.spelling import renamed

TWICE = ("catalog", "device", "threads", "libraries", "source")
"""Fields of a manifest that its configuration repeats."""
STORED = ("dtype", "null", "dim")
"""Fields of a space that say how it is stored: an import tells others of where it came from."""


def config_problems(manifest: FeatureSetManifest) -> Iterator[str]:
    """Yield what a manifest says otherwise than the configuration that its fingerprint is of."""
    told, config = manifest.document(), renamed(manifest.config)
    for name in TWICE:
        if name in config and config[name] != told.get(name):
            yield _differs(name, told.get(name), config[name])
    dtypes = {spec.dtype for spec in manifest.spaces.values()}
    if "dtype" in config and dtypes != {config["dtype"]}:
        yield f"its spaces are stored as {', '.join(sorted(dtypes))}, its configuration says {config['dtype']}"
    yield from _shard_rows(manifest, config.get("shard_rows"))
    spaces = told["spaces"]
    assert isinstance(spaces, dict)
    for key, expected in (("encoders", _encoded), ("spaces", _given)):
        recorded = config.get(key)
        if isinstance(recorded, dict):
            if set(recorded) != set(spaces):
                yield f"its spaces are {', '.join(spaces)}, its configuration says {', '.join(recorded)}"
            for space in sorted(recorded.keys() & spaces.keys()):
                said = spaces[space]
                assert isinstance(said, dict)
                yield from _space(space, said, expected(recorded[space]))


def _encoded(recorded: Json) -> Mapping[str, Json]:
    """Return what a space's manifest must say, of one that an encoder made."""
    return recorded if isinstance(recorded, dict) else {}


def _given(recorded: Json) -> Mapping[str, Json]:
    """Return likewise, of one that was given as vectors."""
    if not isinstance(recorded, dict):
        return {}
    provenance, shape = recorded.get("provenance"), recorded.get("shape")
    before = provenance if isinstance(provenance, dict) else {}
    kept = {name: value for name, value in before.items() if name not in STORED}
    modality = before.get("modality", recorded.get("modality"))
    width = shape[1] if isinstance(shape, list) and len(shape) == 2 else None
    return {**UNKNOWN, **kept, "modality": modality, "dim": before.get("dim", width)}


def _space(space: str, said: Mapping[str, Json], expected: Mapping[str, Json]) -> Iterator[str]:
    """Compare what stands of a space in both places; names that only one of them knows are of another version."""
    renames = {"dtype": "compute_dtype", "name": "encoder"}
    for name, value in expected.items():
        shown = renames.get(name, name)
        if shown in said and said[shown] != value:
            yield _differs(f"spaces.{space}.{shown}", said[shown], value)
        if shown not in said and value is not None:
            yield f"spaces.{space} has no '{shown}', its configuration says {_short(value)}"


def _shard_rows(manifest: FeatureSetManifest, rows: Json) -> Iterator[str]:
    if not isinstance(rows, int) or isinstance(rows, bool) or rows < 1:
        return
    expected = [min(rows, manifest.rows - start) for start in range(0, manifest.rows, rows)]
    found = [entry.rows for entry in manifest.shards]
    if found != expected:
        yield (
            f"its {len(found)} shards are listed with {sum(found)} rows; {manifest.rows} rows in shards of {rows} "
            f"make {len(expected)} shards"
        )


def _differs(name: str, said: Json, recorded: Json) -> str:
    return f"{name} is {_short(said)}, its configuration says {_short(recorded)}"


def _short(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:40]}…{text[-15:]}"
