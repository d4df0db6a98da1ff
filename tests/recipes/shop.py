"""A shop of forty items with pictures, texts and users, and a recipe that goes the whole way with it in seconds."""

from __future__ import annotations

import hashlib
import json

import numpy as np
from PIL import Image

from tests.scoring.small_evaluation import ITEMS, frame
from tests.support.small_tokens import COLORS, WORDS

RECIPE = """
title: A small shop
out: out
vars:
  items: items.csv
  license: CC0-1.0
  interactions: clicks.csv
  epochs: 4
steps:
  - name: catalog
    uses: ingest
    path: ${items}
    images: pictures
    interactions: ${interactions}
    license: ${license}
  - {name: features, uses: extract, catalog: catalog, encoders: [small], shard_rows: 16, device: cpu}
  - name: ica
    uses: pretrain-ica
    catalog: catalog
    vision: small
    text: small
    architecture: {width: 16, layers: 1, heads: 2, fused_layers: 1, expansion: 2}
    objective: {codes: 4}
    training: {epochs: 2, batch_size: 16}
    device: cpu
  - name: scores
    uses: score-features
    when: interactions
    features: [features, ica]
    interactions: catalog
    metrics: [zero-shot]
    attach: true
    device: cpu
  - name: model
    uses: train
    when: interactions
    features: ica
    interactions: catalog
    training: {epochs: "${epochs}", batch_size: 64}
    seeds: 2
    device: cpu
  - name: table
    uses: compare
    when: interactions
    models: [model]
    fused: [model, model]
    interactions: catalog
  - {name: card, uses: card, of: ica, catalog: catalog}
  - {name: report, uses: report, of: [catalog, features, ica, scores, model], tsne: false}
  - {name: publish, uses: publish, of: ica, repo: my-shop/features, dry_run: true}
  - {name: mmrec, uses: export, features: ica, format: npy, spaces: [unified]}
"""


def make_shop(folder):
    """Write items, pictures, interactions and the recipe into a folder."""
    (folder / "pictures").mkdir(parents=True)
    lines, generator = ["id,title"], np.random.default_rng(5)
    for item in range(ITEMS):
        color = list(COLORS)[item % 3]
        lines.append(f"i{item:02d},{color} {WORDS[3 + item % 7]} {WORDS[3 + item % 5]}")
        noise = generator.integers(-15, 15, (16, 16, 3))
        pixels = np.clip(np.array(COLORS[color]) + noise, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "pictures" / f"i{item:02d}.png")
    (folder / "items.csv").write_text("\n".join(lines) + "\n")
    frame().write_csv(folder / "clicks.csv")
    (folder / "shop.yaml").write_text(RECIPE)
    return folder


def contents(out):
    """Hash every file that a run leaves, without the times in what is JSON.

    Left out: what is remembered of each run, the cache of tokens, and the page, which shows how long everything took.
    """
    found = {}
    for path in sorted(out.rglob("*")):
        name = str(path.relative_to(out))
        if path.is_file() and ".featurizer" not in name and not name.startswith(("ica/tokens", "report")):
            found[name] = hashlib.sha256(_timeless(path)).hexdigest()
    return found


def _timeless(path):
    if path.suffix == ".json":
        return json.dumps(_without_seconds(json.loads(path.read_text()))).encode()
    if path.suffix == ".jsonl":
        lines = [_without_seconds(json.loads(line)) for line in path.read_text().splitlines()]
        return json.dumps(lines).encode()
    return path.read_bytes()


def _without_seconds(value):
    if isinstance(value, dict):
        return {name: _without_seconds(inner) for name, inner in value.items() if "seconds" not in name}
    return [_without_seconds(inner) for inner in value] if isinstance(value, list) else value
