"""The photo studio: a backdrop, a light, a shadow, and shapes cut from a patterned surface."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from featurizer.catalog.sample.shapes import Polygon, Shape
from featurizer.catalog.sample.skins import COLOR_RGB, Rgb, shaded, skin
from featurizer.catalog.sample.traits import Look

SIZE = 256
"""Width and height of a finished picture in pixels."""
OVERSAMPLING = 3
_FULL = SIZE * OVERSAMPLING
_DENSE = 20
"""Polygons with so many corners are curves, whose outlines need no rounding at the corners."""

_BACKDROPS: tuple[tuple[Rgb, Rgb], ...] = (
    ((255, 255, 255), (250, 250, 250)),
    ((244, 244, 246), (222, 223, 227)),
    ((248, 243, 235), (230, 220, 206)),
    ((236, 241, 246), (210, 217, 225)),
    ((240, 238, 232), (214, 200, 182)),
)
"""Wall and table, pale and nearly gray so that they do not pass for the product's color."""
_HORIZON = {3: 0.74, 4: 0.7}
"""The backdrops on which an edge between wall and table shows, and its height."""


class Canvas:
    """One picture in the making: `skin` cuts the product, `flat` adds fittings, `finish` hands it over."""

    def __init__(self, look: Look) -> None:
        self.light = look.light
        self._image = _backdrop(look.backdrop, _FULL)
        self._pen = ImageDraw.Draw(self._image)
        self._surface = skin(look.color, look.pattern, _FULL)
        self._edge = shaded(COLOR_RGB[look.color], 0.62)
        angle, scale = np.radians(look.tilt), look.zoom * _FULL / 100
        self._turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * scale

    def shadow(self, bottom: float, width: float) -> None:
        """Lay a soft shadow on the ground, centered under the product, before the product is drawn."""
        wide, high = 96, 24
        patch = Image.new("L", (wide, high), 0)
        x, rx, ry = wide * (0.5 - 0.05 * self.light), wide * width / 200, wide * 0.035
        ImageDraw.Draw(patch).ellipse((x - rx, high / 2 - ry, x + rx, high / 2 + ry), fill=96)
        soft = patch.filter(ImageFilter.GaussianBlur(3))
        mask = soft.resize((_FULL, _FULL * high // wide), Image.Resampling.BILINEAR)
        self._image.paste((70, 66, 72), (0, round(_FULL * (bottom / 100 - high / wide / 2))), mask)

    def skin(self, *shapes: Shape, dim: float = 1.0) -> None:
        """Cut the shapes' union from the product's surface, rounded by light and edged."""
        corners = [self._placed(part) for shape in shapes for part in shape]
        mask = Image.new("L", (_FULL, _FULL), 0)
        pen = ImageDraw.Draw(mask)
        for part in corners:
            joint = "curve" if len(part) < _DENSE else None
            self._pen.line([*part, part[0]], fill=shaded(self._edge, dim), width=9, joint=joint)
        for part in corners:
            pen.polygon(part, fill=255)
        bounds = mask.getbbox()
        if bounds is None:
            return
        piece, cut = self._surface.crop(bounds), mask.crop(bounds)
        self._image.paste(ImageChops.multiply(piece, _volume(piece.size, self.light, dim)), bounds[:2], cut)

    def flat(self, color: Rgb, *shapes: Shape) -> None:
        """Fill the shapes with one color: fittings that are no part of the product's own color."""
        for part in _parts(shapes):
            self._pen.polygon(self._placed(part), fill=color)

    def seam(self, *shapes: Shape) -> None:
        """Fill the shapes with a darker tone of the product's color: seams, straps, folds."""
        self.flat(self._edge, *shapes)

    def finish(self) -> Image.Image:
        """Return the antialiased picture, RGB, `SIZE` pixels a side."""
        return self._image.reduce(OVERSAMPLING)

    def _placed(self, part: Polygon) -> list[tuple[float, float]]:
        return [(float(x), float(y)) for x, y in (part - 50) @ self._turn + _FULL / 2]


def _parts(shapes: Iterable[Shape]) -> Iterable[Polygon]:
    return (part for shape in shapes for part in shape)


def _backdrop(index: int, size: int) -> Image.Image:
    wall, table = (np.array(tone, np.float64) for tone in _BACKDROPS[index])
    height = np.linspace(0, 1, size)[:, None]
    horizon = _HORIZON.get(index)
    share = height if horizon is None else np.where(height < horizon, height * 0.25, 0.7 + height * 0.3)
    rows = wall * (1 - share) + table * share
    return Image.fromarray(rows.round().astype(np.uint8)[:, None]).resize(
        (size, size), Image.Resampling.NEAREST
    )


def _volume(size: tuple[int, int], light: float, dim: float) -> Image.Image:
    """Return a gray picture that, multiplied in, darkens a piece away from the light."""
    across = np.linspace(-1, 1, 64)
    shade = dim * (1 - 0.16 * (across - 0.6 * light) ** 2)
    row = Image.fromarray(np.clip(shade * 255, 0, 255).astype(np.uint8)[None])
    width, height = size
    gray = row.resize((width, 1), Image.Resampling.BILINEAR).resize((width, height), Image.Resampling.NEAREST)
    return Image.merge("RGB", (gray, gray, gray))
