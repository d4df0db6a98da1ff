"""Drawings of what is carried or played with: backpack, handbag, notebook, phone case, teddy, guitar."""

from __future__ import annotations

from featurizer.catalog.sample.canvas import Canvas
from featurizer.catalog.sample.shapes import blob, box, ellipse, mirrored, polygon, ring, stroke
from featurizer.catalog.sample.tones import DARK, DEEP_WOOD, FUR, LIGHT, METAL, SHADE, WOOD


def backpack(canvas: Canvas, shape: int) -> None:
    """A backpack: rounded, boxy, or with a roll of bedding on top."""
    canvas.shadow(91, 60)
    canvas.flat(DARK, ring(50, 15 if shape != 2 else 22, 9, 8, 3.2))
    canvas.seam(stroke([(26, 30), (17, 50), (20, 78)], 6), stroke([(74, 30), (83, 50), (80, 78)], 6))
    if shape == 1:
        canvas.skin(box(24, 16, 76, 90, 6))
    else:
        top = 14 if shape == 0 else 22
        canvas.skin(mirrored((50, top), (68, top + 6), (76, 40), (77, 72), (73, 89), (60, 91)))
    if shape == 2:
        canvas.flat(SHADE, box(22, 14, 78, 27, 6.5))
        canvas.flat(DARK, box(33, 13, 36, 28), box(64, 13, 67, 28))
    canvas.seam(stroke([(31, 42), (50, 38), (69, 42)], 1.4))
    canvas.skin(box(31, 56, 69, 83, 6), dim=0.84)
    canvas.flat(METAL, box(47, 60, 53, 67, 1.5))


def handbag(canvas: Canvas, shape: int) -> None:
    """A handbag: a tote, a flap bag or a half-moon."""
    canvas.shadow(88, 66)
    if shape == 0:
        canvas.flat(DEEP_WOOD, stroke([(36, 44), (38, 18), (50, 11), (62, 18), (64, 44)], 3.4))
        canvas.skin(polygon((20, 40), (80, 40), (86, 86), (14, 86)))
        canvas.flat(DEEP_WOOD, box(33, 40, 39, 48, 1.5), box(61, 40, 67, 48, 1.5))
    elif shape == 1:
        canvas.flat(METAL, ring(50, 42, 27, 30, 2.2))
        canvas.skin(box(18, 42, 82, 86, 6))
        canvas.skin(blob((18, 42), (50, 40), (82, 42), (80, 60), (50, 70), (20, 60)), dim=0.88)
        canvas.flat(METAL, box(46, 62, 54, 73, 2))
    else:
        canvas.flat(DEEP_WOOD, ring(50, 44, 24, 28, 4))
        canvas.skin(blob((12, 48), (50, 44), (88, 48), (80, 76), (50, 87), (20, 76)))
        canvas.flat(METAL, stroke([(18, 51), (50, 48), (82, 51)], 1.6))


def notebook(canvas: Canvas, shape: int) -> None:
    """A notebook with an elastic band, with a spiral, or with a label."""
    canvas.shadow(90, 56)
    canvas.flat(LIGHT, box(27, 13, 79, 91, 2))
    canvas.flat(SHADE, box(77, 14, 78.4, 90))
    canvas.skin(box(24, 10, 76, 88, 3))
    if shape == 1:
        for y in range(15, 86, 6):
            canvas.flat(METAL, stroke([(20, y), (28, y)], 2))
        return
    canvas.seam(box(24, 10, 31, 88, 2))
    if shape == 0:
        canvas.flat(DARK, box(66, 10, 68.6, 88))
    else:
        canvas.flat(LIGHT, box(40, 24, 68, 42, 1.5))
        canvas.flat(SHADE, box(44, 30, 64, 31.4), box(44, 35, 60, 36.4))


def phone_case(canvas: Canvas, shape: int) -> None:
    """The back of a phone case, its camera window in one of three forms."""
    canvas.shadow(95, 40)
    canvas.skin(box(29, 6, 71, 94, 7))
    if shape == 0:
        window, lenses = box(33, 10, 51, 28, 4), ((38, 15), (46, 15), (38, 23))
    elif shape == 1:
        window, lenses = box(33, 10, 43, 34, 5), ((38, 15), (38, 22), (38, 29))
    else:
        window, lenses = ellipse(50, 22, 12, 12), ((45, 19), (55, 19), (50, 27))
    canvas.flat(DARK, window)
    for x, y in lenses:
        canvas.flat(METAL, ellipse(x, y, 2.9, 2.9))
        canvas.flat((24, 26, 34), ellipse(x, y, 2, 2))


def teddy(canvas: Canvas, shape: int) -> None:
    """A soft animal: a bear, a rabbit or a bear with big ears."""
    canvas.shadow(92, 62)
    canvas.skin(ellipse(27, 60, 9, 15, 35), ellipse(73, 60, 9, 15, -35), dim=0.9)
    canvas.skin(ellipse(50, 66, 21, 23))
    canvas.skin(ellipse(33, 85, 12, 10, -15), ellipse(67, 85, 12, 10, 15), dim=0.92)
    canvas.flat(FUR, ellipse(32, 86, 5.5, 5), ellipse(68, 86, 5.5, 5))
    if shape == 1:
        canvas.skin(ellipse(39, 14, 6, 15, -10), ellipse(61, 14, 6, 15, 10), dim=0.94)
        canvas.flat(FUR, ellipse(39, 14, 2.6, 9, -10), ellipse(61, 14, 2.6, 9, 10))
    else:
        size = 8 if shape == 0 else 11
        canvas.skin(ellipse(32, 19, size, size), ellipse(68, 19, size, size), dim=0.94)
        canvas.flat(FUR, ellipse(32, 20, size * 0.55, size * 0.55), ellipse(68, 20, size * 0.55, size * 0.55))
    canvas.skin(ellipse(50, 34, 23, 20))
    canvas.flat(FUR, ellipse(50, 41, 10, 8))
    canvas.flat(DARK, ellipse(41, 30, 2.4, 2.8), ellipse(59, 30, 2.4, 2.8), ellipse(50, 37.5, 3.4, 2.4))
    canvas.flat(DARK, stroke([(46, 44), (50, 46), (54, 44)], 1))


def guitar(canvas: Canvas, shape: int) -> None:
    """An acoustic guitar, a ukulele or a solid-body electric."""
    canvas.shadow(95, 40)
    canvas.flat(DEEP_WOOD, box(47, 14, 53, 60))
    canvas.flat(DARK, polygon((45, 2), (55, 2), (53.5, 15), (46.5, 15)))
    canvas.flat(METAL, *(ellipse(x, y, 1.2, 1.2) for x in (43.8, 56.2) for y in (4.5, 8.5, 12.5)))
    if shape == 2:
        canvas.skin(
            blob((44, 56), (34, 46), (32, 58), (34, 68), (28, 82), (40, 94), (60, 94)),
            blob((60, 94), (73, 84), (66, 68), (69, 56), (65, 48), (56, 57), (44, 56), (36, 70), (40, 94)),
        )
        canvas.flat(LIGHT, blob((50, 60), (60, 62), (62, 80), (52, 84), (46, 74)))
        canvas.flat(DARK, box(43, 66, 57, 69, 1), box(43, 75, 57, 78, 1))
    else:
        wide = 24 if shape == 0 else 20
        canvas.skin(mirrored((50, 44), (63, 46), (66, 56), (63, 63), (50 + wide, 78), (66, 93), (50, 95)))
        canvas.flat(WOOD, ellipse(50, 64, 8, 8))
        canvas.flat(DARK, ellipse(50, 64, 6.4, 6.4))
    canvas.flat(DEEP_WOOD, box(48, 44, 52, 60), box(42, 82, 58, 85, 1))
    canvas.flat(SHADE, *(box(x, 14, x + 0.4, 83) for x in (48.4, 49.4, 50.4, 51.4)))
