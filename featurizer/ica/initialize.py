"""What is fitted before the first step, on train items: scales, the ids in use, the codes, the CLS's start."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from featurizer.encoders.tokens import NO_WORD, TextTokenEncoder
from featurizer.errors import InputError
from featurizer.ica.batch import Batch, TokenSource
from featurizer.ica.codebook import fit_codebook
from featurizer.ica.heads import Heads
from featurizer.ica.model import IcaModel, Shapes, Standardize, TextStates
from featurizer.ica.options import IcaOptions
from featurizer.ica.text_states import encode_text

SAMPLE = 2048
"""Items, at most, that scales, codes and the start are fitted on."""
AVERAGES = ("global_average", "mean")
"""Poolings of pictures that are the mean of the tokens, or of a map of them."""
PATCHES_AN_ITEM = 12
BLOCK = 16_384
"""Tokens that are summed at a time."""
TEXTS = 256
"""Texts whose word pieces' scale is fitted on."""


def shapes_of(source: TokenSource, text_dim: int) -> Shapes:
    """Return the model's input shapes."""
    image, text = source.image_spec, source.text_spec
    pooled = 0 if image.pooled.pooling in AVERAGES else image.pooled.dim
    return Shapes(image.max_tokens, image.dim, pooled, text.max_tokens, text_dim, text.pooled.dim)


def ids_in_use(source: TokenSource, rows: Sequence[int]) -> torch.Tensor:
    """Return the sorted token ids of the words of the items `rows`, (V,) int64; memory is one batch."""
    used: set[int] = set()
    for start in range(0, len(rows), 1024):
        for text in source.read_texts(rows[start : start + 1024]):
            used.update(() if text is None else text.ids[text.words != NO_WORD].tolist())
    return torch.tensor(sorted(used), dtype=torch.int64)


def build(
    source: TokenSource, rows: Sequence[int], encoder: TextTokenEncoder, options: IcaOptions
) -> tuple[IcaModel, Heads]:
    """Build a model for `source` and fit what is fitted in closed form, on train items alone.

    Raises:
        InputError: no train item has a picture, or none has a word.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.training.seed)
        return _build(source, rows, encoder, options)


def _build(
    source: TokenSource, rows: Sequence[int], encoder: TextTokenEncoder, options: IcaOptions
) -> tuple[IcaModel, Heads]:
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
    text = encode_text(encoder, few, None).tokens
    model = IcaModel(shapes_of(source, text.shape[-1]), options.architecture, options.pool)
    patches = items.image[items.has_image]
    _fit(model.standard_image, patches.flatten(0, 1))
    _fit(model.standard_text, text[few.is_token])
    pooled = items.pooled_image[:, : model.shapes.pooled_image_dim]
    _center(model.start.center_image, pooled[items.has_image])
    _center(model.start.center_text, items.pooled_text[items.has_text])
    codebook = fit_codebook(
        model.standard_image(_some_patches(patches[:, source.image_spec.prefix :], rng)),
        options.objective.codes,
        seed=options.training.seed,
    )
    heads = Heads(model, words=len(used), codes=len(codebook))
    heads.used_ids.copy_(used)
    heads.codebook.copy_(codebook)
    with torch.no_grad():
        fit_start(model, _joined(model, items))
    return model, heads


def _some_patches(patches: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Return up to `PATCHES_AN_ITEM` different patches of each of (m, p, d), end to end."""
    chosen = torch.from_numpy(rng.random(patches.shape[:2])).argsort(dim=1)[:, :PATCHES_AN_ITEM]
    return patches[torch.arange(len(patches))[:, None], chosen].flatten(0, 1)


def _joined(model: IcaModel, items: Batch) -> torch.Tensor:
    """Return what the CLS starts from, a few items at a time, for a scaled copy of all patches is large."""
    nothing = items.pooled_text.new_zeros(0)
    parts = torch.arange(len(items.ids)).split(TEXTS)
    return torch.cat(
        [model.joined(part, TextStates(nothing, part.pooled_text)) for part in map(items.rows, parts)]
    )


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
