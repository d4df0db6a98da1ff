"""The feature set of a trained alignment: `unified` beside both encoders' pooled vectors, from the tokens at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from featurizer.catalog.store import Catalog
from featurizer.encoders.base import EncoderSpec
from featurizer.encoders.device import computing_threads
from featurizer.features.clock import Clock
from featurizer.features.engines.engine import Tick
from featurizer.features.extract import ExtractOptions, drafted
from featurizer.features.feature_set import FeatureSet
from featurizer.features.rows import ShardRows
from featurizer.features.write import write_feature_set
from featurizer.ica.batch import Batch, TokenSource
from featurizer.ica.saved_model import SavedModel
from featurizer.ica.text_states import whole_text
from featurizer.progress import Report, silent


@dataclass(frozen=True, slots=True)
class Application:
    """A model, applied.

    Attributes:
        bundle: the model and its heads.
        unified: what the unified space's provenance says.
        device: of all of them.
    """

    bundle: SavedModel
    unified: EncoderSpec
    device: str

    @torch.no_grad()
    def vectors(self, items: Batch) -> np.ndarray:
        """Return (b, dim) float32 unified vectors, zeros for an item without both modalities."""
        items = items.to(self.device)
        states = self.bundle.model(items, whole_text(items, items.has_text))
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

    def make(rows: range, clock: Clock, tick: Tick) -> ShardRows:
        with computing_threads(options.threads), clock.timing("encode"):
            return _rows(application, source, specs, rows, options, tick)

    draft = drafted(catalog, specs, options)
    return write_feature_set(out, draft, make, overwrite=options.overwrite, name="unify", report=report)


def _rows(
    application: Application,
    source: TokenSource,
    specs: Sequence[EncoderSpec],
    rows: range,
    options: ExtractOptions,
    tick: Tick,
) -> ShardRows:
    ids, errors = source.ids_and_errors(rows)
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
        tick(part.stop, sum(error is not None for error in errors))
    there = (has_image | has_text, has_image, has_text)
    present = {
        spec.space: has & np.isfinite(vectors[spec.space].astype(options.dtype)).all(axis=1)
        for spec, has in zip(specs, there, strict=True)
    }
    for spec, has in zip(specs, there, strict=True):
        for row in np.flatnonzero(has & ~present[spec.space]):
            errors[row] = "; ".join(filter(None, [errors[row], f"{spec.space}: nonfinite"]))
    return ShardRows(ids, has_image, has_text, errors, vectors, present)
