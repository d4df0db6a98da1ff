"""The cross-modality encoder: a picture's patches, a text's word pieces and a CLS become one feature an item."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from featurizer.ica.batch import Batch
from featurizer.ica.masking import Masks
from featurizer.ica.options import Architecture, Pool
from featurizer.ica.transformer import Transformer


@dataclass(frozen=True, slots=True)
class Shapes:
    """The lengths that the frozen encoders and the catalog give the model.

    Attributes:
        patches: p, prefix tokens included.
        image_dim: d of a patch.
        pooled_image_dim: e, of the pooled picture that the CLS starts from; 0 where the encoder pools by
            averaging its tokens, whose own mean says as much.
        tokens: the longest text, t.
        text_dim: g, of a word piece's state.
        pooled_text_dim: f.
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
    """

    cls: torch.Tensor
    image: torch.Tensor
    text: torch.Tensor
    visible: torch.Tensor


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
    """Where the CLS begins: a linear map of what the frozen encoders pool, each part L2-normalized.

    Up to three parts: the mean of the visible patches; the picture's pooled vector, where the encoder does not
    pool by averaging (known only while no patch is masked, for it has seen them all); and the text's pooled
    vector, encoded again under the mask. Before training the map is the one that keeps most of the joined
    vectors' variance (`start.fit_start`), so that training begins at the join of both encoders.
    """

    def __init__(self, shapes: Shapes, width: int) -> None:
        super().__init__()
        self.center_image = Standardize(shapes.pooled_image_dim)
        self.center_text = Standardize(shapes.pooled_text_dim)
        dims = (shapes.image_dim, shapes.pooled_image_dim, shapes.pooled_text_dim)
        self.dims = dims
        self.project = nn.Linear(sum(dims), width, bias=False)

    def join(
        self,
        patches: torch.Tensor,
        shown: torch.Tensor,
        items: Batch,
        whole: torch.Tensor,
        pooled_text: torch.Tensor,
    ) -> torch.Tensor:
        """Return the joined parts (b, dim): a modality has norm 1 where it is present, else 0.

        Args:
            patches: (b, p, d), standardized.
            shown: (b, p) bool, the patches that are visible.
            items: for their pooled pictures.
            whole: (b,) bool: the picture is shown and no patch is masked.
            pooled_text: (b, f), zeros where no text is shown.
        """
        has_text = (pooled_text != 0).any(dim=1, keepdim=True)
        weights = shown.unsqueeze(2).to(patches.dtype)
        mean = (patches * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)
        shape = functional.normalize(mean, dim=1)
        pooled = (
            functional.normalize(self.center_image(items.pooled_image[:, : self.dims[1]]), dim=1)
            * whole[:, None]
        )
        text = functional.normalize(self.center_text(pooled_text), dim=1) * has_text
        picture = functional.normalize(torch.cat([shape, pooled], dim=1), dim=1)
        return torch.cat([picture, text], dim=1)

    def forward(self, joined: torch.Tensor) -> torch.Tensor:
        """Return the CLS's first state (b, width)."""
        out: torch.Tensor = self.project(joined)
        return out


class IcaModel(nn.Module):
    """A multiway cross-modality transformer over frozen tokens.

    Attributes:
        shapes: what the encoders give.
        form: the transformer's size.
        pool: what `feature` returns.
    """

    def __init__(self, shapes: Shapes, form: Architecture, pool: Pool = "cls") -> None:
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
        first = self.start(self.joined(items, text, masks))
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
                first[:, None],
                image + self.position_image + self.kind[0],
                words + self.position_text[: words.shape[1]] + self.kind[1],
            ],
            dim=1,
        )
        pictures = 1 + image.shape[1]
        states = self.transformer(states, visible, pictures, recompute=recompute)
        return States(states[:, 0], states[:, 1:pictures], states[:, pictures:], visible)

    def joined(self, items: Batch, text: TextStates, masks: Masks | None = None) -> torch.Tensor:
        """Return what the CLS's start is mapped from, (b, sum of the parts' dims)."""
        has_image, has_text = items.has_image, items.has_text
        shown = has_image[:, None].expand(items.image.shape[:2])
        if masks is not None:
            has_image, has_text = has_image & ~masks.hide_image, has_text & ~masks.hide_text
            shown = has_image[:, None] & ~masks.image
        whole = has_image & shown.all(dim=1)
        return self.start.join(
            self.standard_image(items.image), shown, items, whole, text.pooled * has_text[:, None]
        )

    def feature(self, states: States) -> torch.Tensor:
        """Return the unified vectors (b, width): the last CLS state, or the mean over all that took part."""
        if self.pool == "cls":
            return states.cls
        everything = torch.cat([states.cls[:, None], states.image, states.text], dim=1)
        weights = states.visible[:, :, None].to(everything.dtype)
        return (everything * weights).sum(dim=1) / weights.sum(dim=1)
