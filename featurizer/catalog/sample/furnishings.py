"""Drawings of what stands in a room: lamp, chair, cushion, umbrella."""

from __future__ import annotations

from featurizer.catalog.sample.canvas import Canvas
from featurizer.catalog.sample.shapes import blob, box, ellipse, mirrored, polygon, stroke
from featurizer.catalog.sample.tones import DARK, DEEP_WOOD, GLOW, METAL, WOOD


def lamp(canvas: Canvas, shape: int) -> None:
    """A table lamp with a conical, a drum or a domed shade."""
    canvas.shadow(90, 40)
    canvas.flat(METAL, box(48.5, 44, 51.5, 88))
    canvas.flat(GLOW, ellipse(50, 53, 6, 6))
    if shape == 0:
        canvas.skin(polygon((38, 10), (62, 10), (80, 52), (20, 52)))
    elif shape == 1:
        canvas.skin(box(24, 16, 76, 54, 2))
    else:
        canvas.skin(mirrored((50, 12), (62, 15), (74, 30), (79, 52)))
    if shape == 1:
        canvas.flat(WOOD, mirrored((52, 60), (59, 74), (60, 84), (56, 90)))
    else:
        canvas.flat(DARK, blob((34, 88), (50, 83), (66, 88), (64, 91), (36, 91)))


def chair(canvas: Canvas, shape: int) -> None:
    """A dining chair, an armchair or a stool with a low back."""
    canvas.shadow(92, 60)
    if shape == 1:
        canvas.flat(DEEP_WOOD, box(26, 82, 31, 92), box(69, 82, 74, 92))
        canvas.skin(box(26, 18, 74, 70, 12))
        canvas.skin(box(30, 56, 70, 76, 5), dim=0.92)
        canvas.skin(box(17, 46, 32, 84, 7), box(68, 46, 83, 84, 7), box(24, 72, 76, 84, 3), dim=0.84)
        return
    top = 8 if shape == 0 else 26
    for start, end in (
        ((32, 58), (26, 93)),
        ((68, 58), (74, 93)),
        ((40, 58), (38, 86)),
        ((60, 58), (62, 86)),
    ):
        canvas.flat(WOOD, stroke([start, end], 3.6))
    canvas.flat(WOOD, box(33, top + 8, 36, 60), box(64, top + 8, 67, 60))
    canvas.skin(box(29, top, 71, top + 30, 6))
    canvas.skin(blob((30, 53), (50, 51), (70, 53), (76, 62), (70, 66), (50, 67), (30, 66), (24, 62)), dim=0.9)


def cushion(canvas: Canvas, shape: int) -> None:
    """A square, a round or an oblong cushion with piped edges."""
    canvas.shadow(84, 66)
    if shape == 1:
        canvas.skin(ellipse(50, 52, 34, 33))
        canvas.seam(ellipse(50, 52, 3, 3))
        return
    rise = 0 if shape == 0 else 12
    low, high = 83 - rise, 19 + rise
    upper = ((15, high), (32, high + 4), (50, high + 5), (68, high + 4), (85, high))
    lower = ((85, low), (68, low - 4), (50, low - 5), (32, low - 4), (15, low))
    canvas.skin(blob(*upper, (81, 51), *lower, (19, 51)))
    canvas.seam(*(ellipse(x, y, 2.2, 2.2) for x in (16, 84) for y in (high + 1, low - 1)))


def umbrella(canvas: Canvas, shape: int) -> None:
    """An open umbrella: domed, shallow or deep, with a hooked handle."""
    top, rim = ((14, 52), (22, 50), (8, 56))[shape]
    canvas.shadow(94, 34)
    canvas.flat(METAL, box(49, top - 5, 51, 84))
    canvas.flat(DEEP_WOOD, stroke([(50, 76), (50, 86), (54, 92), (60, 90), (61, 85)], 3.4))
    arc = [(8.0, rim), (14.0, rim - 18), (30.0, top + 5), (50.0, top)]
    scallops = [(92 - step * 10.5, rim - (4.5 if step % 2 else 0)) for step in range(9)]
    canvas.skin(blob(*arc, *((100 - x, y) for x, y in arc[-2::-1]), *scallops[1:-1]))
    for x in (29, 50, 71):
        canvas.seam(stroke([(50, top), ((50 + x) / 2 + (x - 50) * 0.22, (top + rim) / 2), (x, rim - 1)], 0.7))
