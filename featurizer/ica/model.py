"""The cross-modality encoder: a picture's patches, a text's word pieces and a CLS become one feature an item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from featurizer.ica.batch import Batch
from featurizer.ica.fills import Fill, FillName
from featurizer.ica.masking import Masks
from featurizer.ica.options import Architecture, Method, Pool
from featurizer.ica.transformer import Transformer


@dataclass(frozen=True, slots=True)
class Shapes:
    """The lengths that the frozen encoders and the catalog give the model.

    Attributes:
        patches: p, prefix tokens included.
        image_dim: d of a patch.
        pooled_image_dim: e, of the pooled picture.
        tokens: the longest text, t.
        text_dim: g, of a word piece's state.
        pooled_text_dim: f, of the pooled text.
    """

    patches: int
    image_dim: int
    pooled_image_dim: int
    tokens: int
    text_dim: int
    pooled_text_dim: int


@dataclass(frozen=True, slots=True)
class TextStates:
    """What the frozen text encoder says of b texts as they are shown, masked words replaced by the mask token.

    Attributes:
        tokens: (b, t, g) float32.
        pooled: (b, f) float32.
    """

    tokens: torch.Tensor
    pooled: torch.Tensor


@dataclass(frozen=True, slots=True)
class States:
    """The model's last states.

    Attributes:
        cls: (b, d).
        image: (b, p, d).
        text: (b, t, d).
        visible: (b, 1 + p + t) bool: which tokens took part.
        start: (b, e + f), the join that the CLS started from, guesses included.
        whole: (b, 2) bool: whether the picture, and the text, is seen whole.
    """

    cls: torch.Tensor
    image: torch.Tensor
    text: torch.Tensor
    visible: torch.Tensor
    start: torch.Tensor
    whole: torch.Tensor


class Standardize(nn.Module):
    """(x − mean) / deviation a channel, both fitted on train items and stored with the model."""

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("deviation", torch.ones(dim))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return the standardized values, any shape that ends in `dim`."""
        return (values - self.mean) / self.deviation


class Start(nn.Module):
    """Where an item begins: the join of what the frozen encoders pool; the CLS starts from it on its first axes.

    Each part is centered and of length 1, as `a+b` means it everywhere. A part that is not known is guessed from the
    other one, without training (`Fill`); the picture's is not known as soon as one patch is masked, for it has seen
    them all. The axes are those that keep most of the joined vectors' variance (`fit_start`).

    Attributes:
        dims: e of the picture's part, f of the text's.
        fill_image: guesses the picture's part from the text's.
        fill_text: the other way.
    """

    def __init__(self, shapes: Shapes, width: int) -> None:
        super().__init__()
        self.dims = shapes.pooled_image_dim, shapes.pooled_text_dim
        self.center_image, self.center_text = (Standardize(dim) for dim in self.dims)
        image, text = self.dims
        self.fill_image, self.fill_text = Fill.shaped("zero", text, image), Fill.shaped("zero", image, text)
        self.project = nn.Linear(sum(self.dims), width, bias=False)

    def fills(self) -> dict[str, Fill]:
        """Return the fills by the part that they guess."""
        return {"image": self.fill_image, "text": self.fill_text}

    def expect(self, fills: Mapping[str, tuple[FillName, int]]) -> None:
        """Make room for stored fills: of each part the kind, and the number of items it keeps."""
        image, text = self.dims
        self.fill_image = Fill.shaped(fills["image"][0], text, image, fills["image"][1])
        self.fill_text = Fill.shaped(fills["text"][0], image, text, fills["text"][1])

    def join(self, pooled_image: torch.Tensor, pooled_text: torch.Tensor) -> torch.Tensor:
        """Return the join (b, e + f) of (b, e) and (b, f) pooled vectors, zeros where there is none."""
        parts = [
            functional.normalize(center(pooled), dim=1) * (pooled != 0).any(dim=1, keepdim=True)
            for center, pooled in ((self.center_image, pooled_image), (self.center_text, pooled_text))
        ]
        return torch.cat(parts, dim=1)

    def filled(self, joined: torch.Tensor) -> torch.Tensor:
        """Return the join with a guess in the place of a part that is zero."""
        image, text = joined.split(self.dims, dim=1)
        has_image, has_text = (part.any(dim=1, keepdim=True) for part in (image, text))
        image, text = (
            torch.where(has_image, image, self.fill_image(text)),
            torch.where(has_text, text, self.fill_text(image)),
        )
        return torch.cat([image, text], dim=1)

    def forward(self, filled: torch.Tensor) -> torch.Tensor:
        """Return where the CLS starts, (b, width)."""
        out: torch.Tensor = self.project(filled)
        return out


class Residual(nn.Module):
    """What training adds to the join, part by part, behind a gate.

    Its last map starts at zero, and so does the gate of parts that are seen whole: an item that lacks nothing is its
    join, unless a loss on such items opens that gate.

    Attributes:
        gate: (2,), of parts that are masked or missing, and of those seen whole.
    """

    def __init__(self, width: int, dims: tuple[int, int]) -> None:
        super().__init__()
        self.dims = dims
        self.body = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU())
        self.out = nn.Linear(2 * width, sum(dims))
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        self.gate = nn.Parameter(torch.tensor([1.0, 0.0]))

    def forward(self, read: torch.Tensor, whole: torch.Tensor) -> torch.Tensor:
        """Return (b, e + f), of (b, width) states and (b, 2) bool: which parts are seen whole."""
        gates = torch.where(whole, self.gate[1], self.gate[0])
        spread = torch.cat([gates[:, [at]].expand(-1, dim) for at, dim in enumerate(self.dims)], dim=1)
        out: torch.Tensor = spread * self.out(self.body(read))
        return out


class IcaModel(nn.Module):
    """A multiway cross-modality transformer over frozen tokens.

    Attributes:
        shapes: what the encoders give.
        form: the transformer's size.
        pool: which states the unified vector is read from.
        residual: what the unified vector adds to the start; None where it is the states themselves.
    """

    def __init__(self, shapes: Shapes, form: Architecture, pool: Pool, method: Method) -> None:
        super().__init__()
        self.shapes, self.form, self.pool = shapes, form, pool
        width = form.width
        self.standard_image, self.standard_text = Standardize(shapes.image_dim), Standardize(shapes.text_dim)
        self.project_image = nn.Linear(shapes.image_dim, width)
        self.project_text = nn.Linear(shapes.text_dim, width)
        self.masked_image, self.masked_text = (nn.Parameter(0.02 * torch.randn(width)) for _ in range(2))
        self.position_image = nn.Parameter(0.02 * torch.randn(shapes.patches, width))
        self.position_text = nn.Parameter(0.02 * torch.randn(shapes.tokens, width))
        self.kind = nn.Parameter(0.02 * torch.randn(2, width))
        self.start = Start(shapes, width)
        self.transformer = Transformer(form)
        self.residual = Residual(width, self.start.dims) if method == "latent" else None
        # the residual starts from where the axes of the join are, and they stay there
        self.start.project.requires_grad_(self.residual is None)

    def forward(
        self, items: Batch, text: TextStates, masks: Masks | None = None, *, recompute: bool = False
    ) -> States:
        """Run the model over items as the masks show them.

        Args:
            items: b items on the model's device.
            text: the frozen text encoder's states under the same masks.
            masks: None hides nothing.
            recompute: trade time for memory in the backward pass.
        """
        has_image, has_text = items.has_image, items.has_text
        hidden = torch.zeros(items.image.shape[:2], dtype=torch.bool, device=items.image.device)
        if masks is not None:
            has_image, has_text = has_image & ~masks.hide_image, has_text & ~masks.hide_text
            hidden = masks.image
        patches = self.standard_image(items.image)
        joined = self.joined(items, text, masks)
        start, whole = self.start.filled(joined), self._whole(joined, masks)
        visible = torch.cat(
            [
                torch.ones_like(has_image)[:, None],
                has_image[:, None].expand(hidden.shape),
                items.is_token & has_text[:, None],
            ],
            dim=1,
        )
        image = torch.where(hidden[:, :, None], self.masked_image, self.project_image(patches))
        words = self.project_text(self.standard_text(text.tokens))
        if masks is not None:
            words = words + masks.text[:, :, None] * self.masked_text
        states = torch.cat(
            [
                self.start(start)[:, None],
                image + self.position_image + self.kind[0],
                words + self.position_text[: words.shape[1]] + self.kind[1],
            ],
            dim=1,
        )
        pictures = 1 + image.shape[1]
        states = self.transformer(states, visible, pictures, recompute=recompute)
        return States(states[:, 0], states[:, 1:pictures], states[:, pictures:], visible, start, whole)

    def joined(self, items: Batch, text: TextStates, masks: Masks | None = None) -> torch.Tensor:
        """Return the join (b, e + f) of what is shown, zeros where a part is not."""
        image = items.pooled_image * items.has_image[:, None]
        pooled = text.pooled * items.has_text[:, None]
        if masks is not None:
            image = image * ~(masks.hide_image | masks.image.any(dim=1))[:, None]
            pooled = pooled * ~masks.hide_text[:, None]
        return self.start.join(image, pooled)

    def _whole(self, joined: torch.Tensor, masks: Masks | None) -> torch.Tensor:
        image, text = (part.any(dim=1) for part in joined.split(self.start.dims, dim=1))
        return torch.stack([image, text if masks is None else text & ~masks.text.any(dim=1)], dim=1)

    def completed(self, states: States) -> torch.Tensor:
        """Return the join (b, e + f) as the model completes it: the start and its gated residual."""
        if self.residual is None:
            return states.start
        return states.start + self.residual(self._read(states), states.whole)

    @property
    def dim(self) -> int:
        """Length of a unified vector: e + f of a completed join, or the width."""
        return self.form.width if self.residual is None else sum(self.start.dims)

    @property
    def is_untrained(self) -> bool:
        """Whether a completed join is the start itself: no epoch of training was kept."""
        return self.residual is not None and not bool(
            self.residual.out.weight.any() or self.residual.out.bias.any()
        )

    def feature(self, states: States) -> torch.Tensor:
        """Return the unified vectors (b, dim): the completed join, or the states themselves."""
        return self._read(states) if self.residual is None else self.completed(states)

    def _read(self, states: States) -> torch.Tensor:
        """Return the last CLS state, or the mean over all that took part."""
        if self.pool == "cls":
            return states.cls
        everything = torch.cat([states.cls[:, None], states.image, states.text], dim=1)
        weights = states.visible[:, :, None].to(everything.dtype)
        return (everything * weights).sum(dim=1) / weights.sum(dim=1)
