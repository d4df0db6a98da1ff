"""The colored, patterned surfaces that products are cut from."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

from PIL import Image, ImageDraw

Rgb: TypeAlias = tuple[int, int, int]

COLOR_RGB: dict[str, Rgb] = {
    "red": (214, 40, 46),
    "orange": (245, 128, 32),
    "yellow": (250, 210, 40),
    "green": (52, 150, 68),
    "teal": (28, 158, 160),
    "blue": (36, 88, 200),
    "purple": (122, 60, 170),
    "pink": (246, 130, 176),
    "black": (40, 40, 44),
    "white": (246, 244, 240),
}
_DARK_ACCENT: Rgb = (58, 62, 84)
_LIGHT_ACCENT: Rgb = (252, 250, 244)


def accent(color: str) -> Rgb:
    """Return what a pattern is printed in: dark on light colors, near white on all others."""
    return _DARK_ACCENT if color in ("yellow", "white") else _LIGHT_ACCENT


def shaded(rgb: Rgb, factor: float) -> Rgb:
    """Return the color, darker for a factor below one."""
    red, green, blue = (max(0, min(255, round(channel * factor))) for channel in rgb)
    return red, green, blue


def skin(color: str, pattern: str, size: int) -> Image.Image:
    """Return a square RGB surface of `size` pixels in the color, printed with the pattern."""
    surface = Image.new("RGB", (size, size), COLOR_RGB[color])
    _PRINTS[pattern](ImageDraw.Draw(surface), size, accent(color))
    return surface


def _plain(pen: ImageDraw.ImageDraw, size: int, ink: Rgb) -> None:
    """Print nothing."""


def _stripes(pen: ImageDraw.ImageDraw, size: int, ink: Rgb) -> None:
    step = size / 12
    for row in range(13):
        pen.rectangle((0, row * step, size, row * step + step * 0.46), fill=ink)


def _dots(pen: ImageDraw.ImageDraw, size: int, ink: Rgb) -> None:
    step = size / 11
    radius = step * 0.27
    for row in range(13):
        for column in range(13):
            x, y = (column + 0.5 * (row % 2)) * step, row * step * 0.9
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=ink)


def _checks(pen: ImageDraw.ImageDraw, size: int, ink: Rgb) -> None:
    step = size / 15
    for row in range(16):
        for column in range(row % 2, 16, 2):
            pen.rectangle((column * step, row * step, (column + 1) * step, (row + 1) * step), fill=ink)


def _zigzag(pen: ImageDraw.ImageDraw, size: int, ink: Rgb) -> None:
    step = size / 9
    for row in range(-1, 11):
        points = [(x * step / 2, (row + 0.55 * (x % 2)) * step) for x in range(20)]
        pen.line(points, fill=ink, width=round(step * 0.3), joint="curve")


def _flowers(pen: ImageDraw.ImageDraw, size: int, ink: Rgb) -> None:
    step = size / 7
    petal = step * 0.15
    for row in range(9):
        for column in range(9):
            x, y = (column + 0.5 * (row % 2)) * step, row * step * 0.86
            for turn in range(5):
                angle = math.radians(turn * 72 + 20 * row)
                px, py = x + math.cos(angle) * petal * 1.2, y + math.sin(angle) * petal * 1.2
                pen.ellipse((px - petal, py - petal, px + petal, py + petal), fill=ink)
            heart = petal * 0.75
            pen.ellipse((x - heart, y - heart, x + heart, y + heart), fill=(240, 176, 60))


_PRINTS: dict[str, Callable[[ImageDraw.ImageDraw, int, Rgb], None]] = {
    "plain": _plain,
    "stripes": _stripes,
    "dots": _dots,
    "checks": _checks,
    "zigzag": _zigzag,
    "flowers": _flowers,
}
