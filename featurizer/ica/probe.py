"""How much of a masked token do its neighbors give away, without the other modality?

A linear probe (ridge regression on one-hot classes, closed form) guesses a masked token's class from the mean of
the frozen states around it. Where a state has seen its neighbors (contextual words, overlapping receptive
fields), that mean carries the masked token itself, and mask-then-predict can be solved without understanding.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch

from featurizer.encoders.tokens import TextTokenEncoder, TokenSpec
from featurizer.ica.batch import Batch
from featurizer.ica.evaluate import one_sided
from featurizer.ica.heads import Heads
from featurizer.ica.masking import Masks
from featurizer.ica.model import IcaModel
from featurizer.ica.objective import hidden_of
from featurizer.ica.setup import TrainingSetup
from featurizer.ica.text_states import encode_text
from featurizer.records import Json

ITEMS = 512
"""Items, at most, that the probe is fitted on, and tested on."""
RIDGE = 1.0
REACH = 2
"""Words to each side that count as a masked word's neighbors."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What the probe reaches on held-out items.

    Attributes:
        tokens: `text, encoded under the mask` (what training uses), `text, encoded before it` (what would
            leak), or `image`.
        accuracy: of the probe, over masked tokens.
        majority: of always guessing the most frequent class.
        count: masked tokens it was tested on.
    """

    tokens: str
    accuracy: float
    majority: float
    count: int

    def record(self) -> dict[str, Json]:
        """Return it as JSON."""
        return asdict(self)


def run_probe(job: TrainingSetup) -> list[Probe]:
    """Probe texts as training sees them, texts as they would leak, and pictures: fitted on train, tested on valid."""
    model, heads = job.model, job.heads
    probes = []
    kinds = (
        ("text", "text, encoded under the mask"),
        ("leaky", "text, encoded before it"),
        ("image", "image"),
    )
    for kind, name in kinds:
        sets = []
        for part in (job.train, job.valid):
            items = job.source.read(list(part)[:ITEMS])
            side = "image" if kind == "image" else "text"
            key = [job.options.training.seed, 6, len(part)]
            masks = one_sided(items, job.source, job.options.masking, side, key)
            items, masks = items.to(job.device), masks.to(job.device)
            if kind == "image":
                sets.append(_patches(model, heads, items, masks, job.source.image_spec))
            else:
                sets.append(_words(model, heads, items, masks, job.encoder, leaky=kind == "leaky"))
        (inputs, classes), (tests, truth) = sets
        if len(classes) and len(truth):
            right = probe(inputs, classes, tests) == truth
            majority = int(torch.bincount(classes).argmax())
            accuracy, most = float(right.float().mean()), float((truth == majority).float().mean())
            probes.append(Probe(name, accuracy, most, len(truth)))
    return probes


def probe(inputs: torch.Tensor, classes: torch.Tensor, tests: torch.Tensor) -> torch.Tensor:
    """Fit ridge regression on (m, d) inputs and (m,) classes; return the classes it gives (k, d) tests."""
    mean = inputs.mean(dim=0)
    x = torch.cat([inputs - mean, torch.ones(len(inputs), 1, device=inputs.device)], dim=1).double()
    gram = x.T @ x + RIDGE * len(x) ** 0.5 * torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    kinds, place = classes.unique(return_inverse=True)
    target = torch.zeros(x.shape[1], len(kinds), dtype=x.dtype, device=x.device).index_add_(1, place, x.T)
    weights = torch.linalg.solve(gram, target)
    guesses = (
        torch.cat([tests - mean, torch.ones(len(tests), 1, device=tests.device)], dim=1).double() @ weights
    )
    return kinds[guesses.argmax(dim=1)]


def _words(
    model: IcaModel, heads: Heads, items: Batch, masks: Masks, encoder: TextTokenEncoder, *, leaky: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    states = torch.cat(
        [
            encode_text(encoder, items.rows(rows), None if leaky else masks.rows(rows)).tokens
            for rows in torch.arange(len(items.ids)).split(64)
        ]
    )
    states = model.standard_text(states)
    near = items.is_token & ~masks.text
    rows, places = masks.text.nonzero(as_tuple=True)
    gaps = (torch.arange(items.ids.shape[1], device=places.device) - places[:, None]).abs()
    return _means(states, near[rows] & (gaps <= REACH), rows, heads.word_classes(items.ids[rows, places]))


def _patches(
    model: IcaModel, heads: Heads, items: Batch, masks: Masks, spec: TokenSpec
) -> tuple[torch.Tensor, torch.Tensor]:
    prefix, columns = spec.prefix, (spec.grid or (1, 1))[1]
    states = model.standard_image(items.image)
    hidden = hidden_of(items.words, masks, prefix).patch
    near = items.has_image[:, None] & ~masks.image
    rows, places = hidden.nonzero(as_tuple=True)
    at = torch.arange(states.shape[1], device=places.device) - prefix
    own = (places - prefix)[:, None]
    gaps = torch.maximum((at // columns - own // columns).abs(), (at % columns - own % columns).abs())
    return _means(states, near[rows] & (gaps <= 1), rows, heads.patch_classes(states[rows, places]))


def _means(
    states: torch.Tensor, near: torch.Tensor, rows: torch.Tensor, classes: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (m, d) means of the near states and (m,) classes, without those that have no neighbor or class."""
    kept = near.any(dim=1) & (classes >= 0)
    rows, near = rows[kept], near[kept].float()
    sums = (
        torch.stack([weights @ states[row] for row, weights in zip(rows.tolist(), near, strict=True)])
        if len(rows)
        else states.new_zeros(0, states.shape[2])
    )
    return sums / near.sum(dim=1, keepdim=True), classes[kept]
