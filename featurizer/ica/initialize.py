"""What is fitted before the first step, on train items: scales, the ids in use, the codes, the CLS's start."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import torch

from featurizer.encoders.tokens import NO_WORD
from featurizer.errors import InputError
from featurizer.ica.batch import TokenSource
from featurizer.ica.codebook import fit_codebook
from featurizer.ica.fills import Fill, choose_fill
from featurizer.ica.heads import Heads
from featurizer.ica.model import IcaModel, Shapes, Standardize, Start
from featurizer.ica.options import IcaOptions

logger = logging.getLogger(__name__)

SAMPLE = 2048
"""Items, at most, that scales and codes are fitted on."""
POOLED = 16_384
"""Items, at most, that the start is fitted on: of these only pooled vectors are held."""
PATCHES_AN_ITEM = 12
BLOCK = 16_384
"""Tokens that are summed at a time."""
TEXTS = 256
"""Texts whose word pieces' scale is fitted on."""


def shapes_of(source: TokenSource) -> Shapes:
    """Return the model's input shapes."""
    image, text = source.image_spec, source.text_spec
    return Shapes(image.max_tokens, image.dim, image.pooled.dim, text.max_tokens, text.dim, text.pooled.dim)


def ids_in_use(source: TokenSource, rows: Sequence[int]) -> torch.Tensor:
    """Return the sorted token ids of the words of the items `rows`, (V,) int64; memory is one batch."""
    used: set[int] = set()
    for start in range(0, len(rows), 1024):
        for text in source.read_texts(rows[start : start + 1024]):
            used.update(() if text is None else text.ids[text.words != NO_WORD].tolist())
    return torch.tensor(sorted(used), dtype=torch.int64)


def build(source: TokenSource, rows: Sequence[int], options: IcaOptions) -> tuple[IcaModel, Heads]:
    """Build a model for `source` and fit what is fitted in closed form.

    The means of the parts are those of all items, beyond `POOLED` of so many drawn, so that a whole item's join is what
    `a+b` is everywhere; all else is fitted on train items alone.

    Raises:
        InputError: no train item has a picture, or none has a word.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.training.seed)
        return _build(source, rows, options)


def _build(source: TokenSource, rows: Sequence[int], options: IcaOptions) -> tuple[IcaModel, Heads]:
    rng = np.random.default_rng(options.training.seed)
    some = np.sort(rng.permutation(np.asarray(rows))[:SAMPLE]).tolist()
    used = ids_in_use(source, rows)
    items = source.read(some)
    if not items.has_image.any() or not items.has_text.any() or not len(used):
        raise InputError(
            f"of {len(some)} train items drawn from {len(rows)}, {int(items.has_image.sum())} have a picture and "
            f"{int(items.has_text.sum())} a text; all texts hold {len(used)} different tokens. Inter-content alignment "
            "needs both pictures and texts"
        )
    few = items.rows(items.has_text.nonzero().flatten()[:TEXTS])
    shapes = shapes_of(source)
    model = IcaModel(shapes, options.architecture, options.pool, options.objective.method)
    patches = items.image[items.has_image]
    _fit(model.standard_image, patches.flatten(0, 1))
    _fit(model.standard_text, few.text[few.is_token])
    codebook = fit_codebook(
        model.standard_image(_some_patches(patches[:, source.image_spec.prefix :], rng)),
        options.objective.codes,
        seed=options.training.seed,
    )
    heads = Heads(model, words=len(used), codes=len(codebook))
    heads.used_ids.copy_(used)
    heads.codebook.copy_(codebook)
    with torch.no_grad():
        _fit_center(model.start, *_pooled(source, range(source.rows), rng))
        _fit_join(model, *_pooled(source, rows, rng), options.training.seed)
    return model, heads


def _pooled(
    source: TokenSource, rows: Sequence[int], rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the (m, e) and (m, f) pooled vectors of up to `POOLED` of the items, zeros where there is none."""
    some = np.sort(rng.permutation(np.asarray(rows))[:POOLED]).tolist()
    parts = [source.read(some[start : start + TEXTS]) for start in range(0, len(some), TEXTS)]
    return torch.cat([part.pooled_image for part in parts]), torch.cat([part.pooled_text for part in parts])


def _fit_center(start: Start, pooled_image: torch.Tensor, pooled_text: torch.Tensor) -> None:
    """Fit the means: of held-out items too, so that a whole item is what `a+b` makes of it everywhere."""
    for center, values in ((start.center_image, pooled_image), (start.center_text, pooled_text)):
        _center(center, values[values.any(dim=1)])


def _fit_join(model: IcaModel, pooled_image: torch.Tensor, pooled_text: torch.Tensor, seed: int) -> None:
    """Fit the fills, where the model completes its join, and the axes."""
    start = model.start
    joined = start.join(pooled_image, pooled_text)
    if model.residual is not None:
        image, text = joined.split(start.dims, dim=1)
        both = image.any(dim=1) & text.any(dim=1)
        start.fill_image = _chosen_fill("picture", text[both], image[both], seed)
        start.fill_text = _chosen_fill("text", image[both], text[both], seed)
    fit_start(model, joined)


def _chosen_fill(what: str, known: torch.Tensor, missing: torch.Tensor, seed: int) -> Fill:
    name, fill, near = choose_fill(known, missing, seed)
    told = ", ".join(f"{one} {value:.3f}" for one, value in sorted(near.items(), key=lambda one: -one[1]))
    logger.info("a missing %s is filled by %s; 1 / rank of the true one on inner folds: %s", what, name, told)
    return fill


def _some_patches(patches: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Return up to `PATCHES_AN_ITEM` different patches of each of (m, p, d), end to end."""
    chosen = torch.from_numpy(rng.random(patches.shape[:2])).argsort(dim=1)[:, :PATCHES_AN_ITEM]
    return patches[torch.arange(len(patches))[:, None], chosen].flatten(0, 1)


def fit_start(model: IcaModel, joined: torch.Tensor) -> None:
    """Set the CLS's start to the projection that keeps most variance of the joined vectors (m, dim).

    The leading eigenvectors, turned by a random rotation so that no channel carries much more than another,
    and scaled to a mean square of 1 a channel. Cosines between starts are those between the joined vectors,
    as far as `width` dimensions can hold them.
    """
    width = model.form.width
    values, vectors = torch.linalg.eigh(joined.double().T @ joined.double() / len(joined))
    kept = vectors[:, -width:].flip(1)
    if kept.shape[1] < width:
        kept = torch.cat([kept, kept.new_zeros(len(kept), width - kept.shape[1])], dim=1)
    rotation = torch.linalg.qr(torch.randn(width, width, dtype=torch.float64)).Q
    gain = (width / values[-width:].sum().clamp(min=1e-12)).sqrt()
    model.start.project.weight.copy_((kept @ rotation * gain).T)


def _fit(scale: Standardize, values: torch.Tensor) -> None:
    """Fit mean and deviation a channel of (m, d) values; a constant channel keeps its scale."""
    blocks = values.split(BLOCK)
    mean = torch.stack([block.double().sum(dim=0) for block in blocks]).sum(dim=0) / len(values)
    squares = torch.stack([(block.double() - mean).square().sum(dim=0) for block in blocks])
    deviation = (squares.sum(dim=0) / len(values)).sqrt()
    scale.mean.copy_(mean)
    scale.deviation.copy_(torch.where(deviation > 1e-6, deviation, 1.0))


def _center(scale: Standardize, values: torch.Tensor) -> None:
    """Fit the mean of pooled vectors alone: their geometry is the encoder's own."""
    scale.mean.copy_(values.double().mean(dim=0))
