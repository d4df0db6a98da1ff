"""Outlines in a 100 × 100 square, y downwards: every shape is a union of polygons.

Polygons only, because they survive any rotation and fill without gaps at every scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Point: TypeAlias = tuple[float, float]
Polygon: TypeAlias = NDArray[np.float64]
"""Corners, [n, 2]."""
Shape: TypeAlias = tuple[Polygon, ...]


def polygon(*points: Point) -> Shape:
    """Return the straight-edged shape through the points."""
    return (np.array(points, np.float64),)


def ellipse(x: float, y: float, rx: float, ry: float, turn: float = 0.0) -> Shape:
    """Return an ellipse around (x, y), turned clockwise by `turn` degrees."""
    angle = np.linspace(0, 2 * np.pi, 64 if max(rx, ry) > 4 else 24, endpoint=False)
    a, b = rx * np.cos(angle), ry * np.sin(angle)
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    return (np.stack([x + a * cos - b * sin, y + a * sin + b * cos], axis=1),)


def box(left: float, top: float, right: float, bottom: float, radius: float = 0.0) -> Shape:
    """Return a rectangle whose corners are rounded by `radius`."""
    if not radius:
        return polygon((left, top), (right, top), (right, bottom), (left, bottom))
    centers = ((right, bottom, 0), (left, bottom, 90), (left, top, 180), (right, top, 270))
    corners = []
    for x, y, start in centers:
        angle = np.radians(np.linspace(start, start + 90, 12))
        cx = x - radius if x == right else x + radius
        cy = y - radius if y == bottom else y + radius
        corners.append(np.stack([cx + radius * np.cos(angle), cy + radius * np.sin(angle)], axis=1))
    return (np.concatenate(corners),)


def blob(*points: Point) -> Shape:
    """Return the smooth closed shape through the points."""
    return (_spline(np.array(points, np.float64), closed=True),)


def mirrored(*points: Point, axis: float = 50.0) -> Shape:
    """Return the smooth shape whose right side runs, from top to bottom, through the points."""
    right = _spline(np.array(points, np.float64), closed=False)
    left = right[::-1] * [-1, 1] + [2 * axis, 0]
    return (np.concatenate([right, left]),)


def stroke(points: Sequence[Point], width: float, *, smooth: bool = True) -> Shape:
    """Return a line with round ends, `width` thick, through the points."""
    path = np.array(points, np.float64)
    if smooth and len(path) > 2:
        path = _spline(path, closed=False)
    pieces: list[Polygon] = []
    for start, end in pairwise(path):
        along = end - start
        normal = np.array([-along[1], along[0]]) / (np.hypot(*along) or 1.0) * width / 2
        pieces.append(np.array([start + normal, end + normal, end - normal, start - normal]))
        pieces += ellipse(float(start[0]), float(start[1]), width / 2, width / 2)
    return (*pieces, *ellipse(float(path[-1, 0]), float(path[-1, 1]), width / 2, width / 2))


def ring(x: float, y: float, rx: float, ry: float, width: float) -> Shape:
    """Return an elliptic ring, `width` thick, around (x, y)."""
    edge = ellipse(x, y, rx, ry)[0][::2]
    closed = np.concatenate([edge, edge[:1]])
    return stroke([(float(px), float(py)) for px, py in closed], width, smooth=False)


def _spline(points: Polygon, *, closed: bool) -> Polygon:
    """Return a Catmull-Rom curve through the points, eight steps a segment."""
    padded = (
        np.concatenate([points[-1:], points, points[:2]])
        if closed
        else np.concatenate([points[:1], points, points[-1:]])
    )
    before, start, end, after = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    t = np.linspace(0, 1, 8, endpoint=False)[None, :, None]
    a, b = (end - before)[:, None] / 2, (after - start)[:, None] / 2
    p, q = start[:, None], end[:, None]
    curve = (2 * t**3 - 3 * t**2 + 1) * p + (t**3 - 2 * t**2 + t) * a
    curve = (curve + (3 * t**2 - 2 * t**3) * q + (t**3 - t**2) * b).reshape(-1, 2)
    return curve if closed else np.concatenate([curve, points[-1:]])
