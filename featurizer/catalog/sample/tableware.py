"""Drawings of what holds a drink or a plant: mug, bottle, teapot, vase, plant pot."""

from __future__ import annotations

from featurizer.catalog.sample.canvas import Canvas
from featurizer.catalog.sample.shapes import blob, box, ellipse, mirrored, polygon, ring, stroke
from featurizer.catalog.sample.tones import DARK, DEEP_LEAF, EARTH, LEAF, LIGHT, METAL, SHADE


def mug(canvas: Canvas, shape: int) -> None:
    """A straight, a wide or a tapering mug with its handle to the right."""
    half, top, foot = ((19, 24, 19), (23, 34, 22), (22, 28, 15))[shape]
    left, right = 45 - half, 45 + half
    canvas.shadow(82, 62)
    canvas.skin(ring(right + 1, (top + 80) / 2, 12, (80 - top) * 0.3, 6), dim=0.9)
    canvas.skin(
        blob(
            *((left, top), (45, top - 4), (right, top), (right - (half - foot) / 2, 52), (45 + foot, 76)),
            *((45 + foot - 5, 81), (45, 83), (45 - foot + 5, 81), (45 - foot, 76)),
            (left + (half - foot) / 2, 52),
        )
    )
    canvas.flat(LIGHT, ellipse(45, top + 1, half - 0.5, 5))
    canvas.flat((104, 74, 56), ellipse(45, top + 2, half - 3, 3.4))


def bottle(canvas: Canvas, shape: int) -> None:
    """A sports bottle: slim, stout, or with a carrying loop."""
    half, neck = ((11, 6), (15, 8), (12, 12))[shape]
    canvas.shadow(91, 40)
    if shape == 2:
        canvas.flat(DARK, ring(50, 14, 8, 6, 3))
    canvas.skin(
        mirrored(
            *((50 + neck, 26), (50 + neck, 31), (50 + half, 40), (50 + half, 60)),
            *((50 + half, 84), (50 + half - 2, 89), (50 + half - 6, 90)),
        )
    )
    canvas.flat(METAL, box(49 - neck, 24, 51 + neck, 28, 1))
    canvas.flat(DARK, box(48 - neck, 13, 52 + neck, 25, 2.5))
    if shape == 1:
        canvas.flat(DARK, box(46, 7, 54, 14, 2))


def teapot(canvas: Canvas, shape: int) -> None:
    """A round, a flat or a tall teapot."""
    rx, ry = ((25, 21), (29, 17), (21, 25))[shape]
    canvas.shadow(58 + ry + 1, 64)
    canvas.skin(ring(50 - rx, 56, 13, ry * 0.62, 5), dim=0.9)
    canvas.skin(
        blob((50 + rx * 0.7, 66), (50 + rx * 1.05, 58), (86, 38), (91, 40), (87, 48), (50 + rx * 1.1, 72)),
        dim=0.95,
    )
    canvas.skin(ellipse(50, 58, rx, ry))
    canvas.seam(ellipse(50, 58 - ry + 3, rx * 0.5, 2.6))
    canvas.skin(mirrored((50, 50 - ry), (50 + rx * 0.3, 52 - ry), (50 + rx * 0.46, 59 - ry)))
    canvas.flat(DARK, ellipse(50, 47 - ry, 4, 4))


def vase(canvas: Canvas, shape: int) -> None:
    """A bulging, a slender or a necked vase with bare twigs."""
    sides = (
        ((57, 34), (56, 40), (70, 58), (68, 78), (60, 91)),
        ((62, 34), (59, 42), (60, 60), (64, 78), (61, 91)),
        ((60, 34), (55, 42), (55, 52), (72, 70), (62, 91)),
    )[shape]
    canvas.shadow(91, 44)
    for tip in ((34, 8), (47, 4), (64, 9)):
        canvas.flat(EARTH, stroke([(50, 38), ((50 + tip[0]) / 2 + 1, 22), tip], 1.2))
        canvas.flat(SHADE, ellipse(*tip, 2.6, 3.6), ellipse(tip[0] * 0.5 + 23, 18, 2, 3))
    canvas.skin(mirrored(*sides))
    canvas.flat(DARK, ellipse(50, 34.5, sides[0][0] - 51, 2))


def plant_pot(canvas: Canvas, shape: int) -> None:
    """A planter with a fan of leaves, a cactus or a trailing plant."""
    canvas.shadow(91, 48)
    if shape == 0:
        for turn, reach in ((-60, 24), (-30, 30), (0, 34), (30, 30), (60, 24)):
            tone = DEEP_LEAF if turn % 60 else LEAF
            canvas.flat(tone, ellipse(50 + turn * 0.3, 56 - reach * 0.7, 5, reach * 0.6, turn))
    elif shape == 1:
        canvas.flat(LEAF, box(42, 16, 58, 62, 8), stroke([(58, 44), (68, 42), (68, 28)], 7))
        canvas.flat(DEEP_LEAF, box(47, 20, 48.5, 58), box(52, 20, 53.5, 58))
    else:
        for x in (30, 40, 50, 60, 70):
            canvas.flat(LEAF if x % 20 else DEEP_LEAF, ellipse(x, 46 + abs(x - 50) * 0.3, 9, 11, x - 50))
    rim, foot = ((24, 17), (21, 18), (26, 14))[shape]
    canvas.skin(polygon((53 - rim, 62), (47 + rim, 62), (50 + foot, 91), (50 - foot, 91)))
    canvas.skin(box(50 - rim, 54, 50 + rim, 64, 2), dim=0.92)
