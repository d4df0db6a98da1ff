"""The feature set of a trained alignment: `unified` beside both encoders' pooled vectors, from the tokens at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from featurizer.catalog.store import Catalog
from featurizer.encoders.base import EncoderSpec
from featurizer.encoders.device import computing_threads, recorded_threads
from featurizer.encoders.libraries import library_versions
from featurizer.encoders.tokens import TextTokenEncoder
from featurizer.features.extract import ExtractOptions, manifest
from featurizer.features.feature_set import OWNED, FeatureSet
from featurizer.features.shards import ShardRows, ShardWriter
from featurizer.ica.batch import Batch, TokenSource
from featurizer.ica.saved_model import SavedModel
from featurizer.ica.text_states import encode_text
from featurizer.progress import Progress, Report, silent
from featurizer.records import Json
from featurizer.results.names import FEATURE_SET
from featurizer.results.stage import Stage


@dataclass(frozen=True, slots=True)
class Application:
    """A model, applied.

    Attributes:
        bundle: the model and its heads.
        encoder: the frozen text encoder.
        unified: what the unified space's provenance says.
        device: of all of them.
    """

    bundle: SavedModel
    encoder: TextTokenEncoder
    unified: EncoderSpec
    device: str

    @torch.no_grad()
    def vectors(self, items: Batch) -> np.ndarray:
        """Return (b, width) float32 unified vectors, zeros for an item without both modalities."""
        items = items.to(self.device)
        states = self.bundle.model(items, encode_text(self.encoder, items, None))
        found: np.ndarray = self.bundle.model.feature(states).float().cpu().numpy()
        return found


def write_features(
    application: Application,
    source: TokenSource,
    catalog: Catalog,
    out: Path,
    options: ExtractOptions,
    *,
    report: Report = silent,
) -> FeatureSet:
    """Write the feature set of the catalog that `source` holds the tokens of.

    Raises:
        StaleOutput: `out` holds the result of another model or catalog.
        OutputError: the disk refused; finished shards are kept.
    """
    specs = [application.unified, source.image_spec.pooled, source.text_spec.pooled]
    config: dict[str, Json] = {
        "catalog": catalog.identity,
        "encoders": {spec.space: spec.provenance() for spec in specs},
        "dtype": options.dtype,
        "shard_rows": options.shard_rows,
        "device": options.device,
        "threads": recorded_threads(options.threads, options.device),
        "libraries": library_versions(spec.request for spec in specs),
    }
    stage = Stage(out, FEATURE_SET, config, OWNED)
    if stage.claim(overwrite=options.overwrite):
        return FeatureSet.open(out)
    total = -(-catalog.rows // options.shard_rows)
    writer = ShardWriter(out, total, {spec.space: spec.dim for spec in specs}, options.dtype)
    accounts = []
    for index in range(total):
        rows = range(index * options.shard_rows, min((index + 1) * options.shard_rows, catalog.rows))
        account = writer.finished(index)
        if account is None:
            with computing_threads(options.threads):
                part = _rows(application, source, specs, rows, options)
            account = writer.write(index, part, {})
        accounts.append(account)
        report(Progress("unify", rows.stop, catalog.rows))
    stage.finish(manifest(catalog, specs, options, accounts))
    writer.forget_marks()
    return FeatureSet.open(out)


def _rows(
    application: Application,
    source: TokenSource,
    specs: Sequence[EncoderSpec],
    rows: range,
    options: ExtractOptions,
) -> ShardRows:
    ids, errors = source.accounts(rows)
    n = len(rows)
    vectors = {spec.space: np.zeros((n, spec.dim), np.float32) for spec in specs}
    has_image, has_text = np.zeros(n, bool), np.zeros(n, bool)
    unified, image, text = (vectors[spec.space] for spec in specs)
    for start in range(0, n, options.batch_size):
        part = slice(start, min(start + options.batch_size, n))
        items = source.read(list(rows)[part])
        has_image[part], has_text[part] = items.has_image.numpy(), items.has_text.numpy()
        image[part], text[part] = items.pooled_image.numpy(), items.pooled_text.numpy()
        unified[part] = application.vectors(items)
    there = (has_image | has_text, has_image, has_text)
    present = {
        spec.space: has & np.isfinite(vectors[spec.space].astype(options.dtype)).all(axis=1)
        for spec, has in zip(specs, there, strict=True)
    }
    for spec, has in zip(specs, there, strict=True):
        for row in np.flatnonzero(has & ~present[spec.space]):
            errors[row] = "; ".join(filter(None, [errors[row], f"{spec.space}: nonfinite"]))
    return ShardRows(ids, has_image, has_text, errors, vectors, present)
