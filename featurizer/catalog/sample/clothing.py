"""Drawings of what is worn: T-shirt, sock, cap, sneaker, watch."""

from __future__ import annotations

from featurizer.catalog.sample.canvas import Canvas
from featurizer.catalog.sample.shapes import Point, blob, box, ellipse, mirrored, polygon, ring, stroke
from featurizer.catalog.sample.tones import DARK, LIGHT, METAL, SHADE


def t_shirt(canvas: Canvas, shape: int) -> None:
    """A T-shirt with short sleeves, with long ones, or a tank top."""
    canvas.shadow(91, 54)
    sleeves: tuple[tuple[Point, ...], ...] = (
        ((74, 20), (92, 40), (80, 50), (70, 40)),
        ((74, 20), (93, 74), (82, 78), (70, 44)),
        ((66, 18), (68, 34), (71, 42), (70, 46)),
    )
    side: list[Point] = [(60, 14), *sleeves[shape], (71, 90)]
    left = [(100 - x, y) for x, y in reversed(side)]
    canvas.skin(polygon(*side, *left))
    canvas.seam(ellipse(50, 13, 11, 8))
    canvas.flat(SHADE, ellipse(50, 11.5, 9, 6.5))


def sock(canvas: Canvas, shape: int) -> None:
    """A crew, an ankle or a knee sock."""
    top = (18, 36, 6)[shape]
    canvas.shadow(88, 62)
    canvas.skin(
        polygon((32, top), (56, top), (56, 58), (32, 62)),
        blob((32, 56), (56, 54), (60, 62), (80, 70), (86, 80), (78, 87), (58, 87), (36, 82), (31, 70)),
    )
    canvas.seam(box(31, top, 57, top + 7, 1.5))
    canvas.seam(blob((78, 69), (86, 79), (79, 87), (72, 87), (74, 78)))


def cap(canvas: Canvas, shape: int) -> None:
    """A baseball cap, a bucket hat or a bobble hat."""
    canvas.shadow(76, 70)
    if shape == 1:
        canvas.skin(blob((12, 66), (28, 56), (72, 56), (88, 66), (70, 75), (30, 75)), dim=0.88)
        canvas.skin(polygon((34, 28), (66, 28), (74, 62), (26, 62)))
        canvas.seam(box(26, 58, 74, 62))
        return
    if shape == 2:
        canvas.flat(LIGHT, ellipse(50, 20, 9, 9))
        canvas.skin(mirrored((50, 24), (66, 30), (77, 48), (78, 66)))
        canvas.skin(box(20, 60, 80, 76, 5), dim=0.86)
        return
    canvas.skin(blob((58, 60), (80, 58), (95, 66), (92, 72), (72, 70), (54, 69)), dim=0.84)
    canvas.skin(blob((14, 66), (16, 46), (32, 30), (52, 28), (68, 40), (73, 64), (45, 70)))
    canvas.seam(stroke([(44, 30), (40, 46), (40, 68)], 0.9), ellipse(44, 28, 4, 2.4))


def sneaker(canvas: Canvas, shape: int) -> None:
    """A low, a high-top or a slip-on sneaker, toe to the right."""
    collar = (38, 20, 44)[shape]
    canvas.shadow(78, 84)
    canvas.skin(
        blob(
            *((12, 68), (11, 52), (14, collar), (26, collar + 3), (40, collar + 1), (52, 46)),
            *((70, 56), (88, 61), (92, 70), (50, 73)),
        )
    )
    canvas.flat(LIGHT, blob((9, 68), (50, 71), (93, 67), (94, 75), (86, 78), (14, 78), (8, 75)))
    canvas.flat(SHADE, box(10, 75.5, 92, 78, 1))
    canvas.flat(LIGHT, blob((80, 60), (90, 62), (93, 69), (80, 70), (77, 65)))
    if shape == 2:
        canvas.seam(blob((38, 48), (50, 47), (54, 58), (44, 60)))
        return
    for step in range(4):
        x, y = 42 + step * 6.5, collar * 0.3 + 35 + step * 4.2 - (8 if shape else 4)
        canvas.flat(LIGHT, stroke([(x, y), (x + 6, y - 3.5)], 2))


def watch(canvas: Canvas, shape: int) -> None:
    """A wrist watch with a round, a square or a large dial."""
    canvas.shadow(95, 30)
    canvas.skin(
        polygon((40, 4), (60, 4), (63, 40), (37, 40)), polygon((37, 60), (63, 60), (59, 96), (41, 96))
    )
    canvas.flat(METAL, box(69 if shape != 1 else 68, 47, 76, 53, 1))
    if shape == 1:
        canvas.flat(METAL, box(29, 29, 71, 71, 7))
        canvas.flat(LIGHT, box(33, 33, 67, 67, 5))
    else:
        radius = 22 if shape == 0 else 25
        canvas.flat(METAL, ellipse(50, 50, radius, radius))
        canvas.flat(LIGHT if shape == 0 else DARK, ellipse(50, 50, radius - 4, radius - 4))
        canvas.seam(ring(50, 50, radius - 4, radius - 4, 1))
    hands = LIGHT if shape == 2 else DARK
    for x, y in ((50, 35.5), (64.5, 50), (50, 64.5), (35.5, 50)):
        canvas.flat(hands, ellipse(x, y, 1.2, 1.2))
    canvas.flat(hands, stroke([(50, 50), (50, 38)], 1.4), stroke([(50, 50), (59, 55)], 1.8))
