"""What a sample item is like: traits that only its picture shows, only its text tells, or both.

`Look` is all that the drawing may read and `Pitch` all that the words may read; `kind` stands in both.
So a picture cannot leak the text's traits, nor the text the picture's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KINDS = (
    "mug",
    "bottle",
    "teapot",
    "vase",
    "plant_pot",
    "lamp",
    "chair",
    "cushion",
    "t_shirt",
    "sock",
    "cap",
    "sneaker",
    "backpack",
    "handbag",
    "umbrella",
    "watch",
    "notebook",
    "phone_case",
    "teddy",
    "guitar",
)
"""In both: the picture shows it and the text names it."""

COLORS = ("red", "orange", "yellow", "green", "teal", "blue", "purple", "pink", "black", "white")
PATTERNS = ("plain", "stripes", "dots", "checks", "zigzag", "flowers")
"""In the picture only, as `COLORS`."""

USES = ("camping", "office", "nursery", "yoga", "fishing", "gaming", "wedding", "hospital")
MAKES = ("recycled", "handmade", "luxury", "budget", "organic", "rugged")
"""In the text only, as `USES`: what the maker says of the material and the way it is made."""

VALUES: dict[str, tuple[str, ...]] = {
    "kind": KINDS,
    "color": COLORS,
    "pattern": PATTERNS,
    "use": USES,
    "make": MAKES,
}
"""The traits that taste depends on, each with its values."""

SHAPES = 3
BACKDROPS = 5


@dataclass(frozen=True, slots=True)
class Look:
    """All that the picture depends on.

    Attributes:
        kind: one of `KINDS`.
        color: one of `COLORS`.
        pattern: one of `PATTERNS`.
        shape: which of the kind's `SHAPES` forms; nobody's taste depends on it.
        backdrop: which of the `BACKDROPS`.
        light: where the light stands, -1 left to 1 right.
        tilt: degrees the product is turned.
        zoom: size, 1 as drawn.
    """

    kind: str
    color: str
    pattern: str
    shape: int
    backdrop: int
    light: float
    tilt: float
    zoom: float


@dataclass(frozen=True, slots=True)
class Pitch:
    """All that the text depends on; `brand` and `wording` pick among equivalent words."""

    kind: str
    use: str
    make: str
    brand: int
    wording: int


@dataclass(frozen=True, slots=True)
class SampleItem:
    """One item: its id, how it looks and what its seller says."""

    item_id: str
    look: Look
    pitch: Pitch


def trait(item: SampleItem, name: str) -> str:
    """Return an item's value of a trait in `VALUES`."""
    value: str = (
        getattr(item.look, name) if name in ("kind", "color", "pattern") else getattr(item.pitch, name)
    )
    return value


def codes(items: Sequence[SampleItem], name: str) -> NDArray[np.intp]:
    """Return every item's value of a trait as an index into `VALUES[name]`, [n]."""
    index = {value: code for code, value in enumerate(VALUES[name])}
    return np.array([index[trait(item, name)] for item in items], np.intp)


def make_items(count: int, rng: np.random.Generator) -> list[SampleItem]:
    """Draw `count` items with independent traits; every kind occurs equally often, give or take one."""
    kinds = rng.permutation([KINDS[row % len(KINDS)] for row in range(count)])
    ids = _asins(count, rng)
    return [
        SampleItem(ids[row], _look(str(kinds[row]), rng), _pitch(str(kinds[row]), rng))
        for row in range(count)
    ]


def _look(kind: str, rng: np.random.Generator) -> Look:
    return Look(
        kind=kind,
        color=COLORS[rng.integers(len(COLORS))],
        pattern=PATTERNS[rng.integers(len(PATTERNS))],
        shape=int(rng.integers(SHAPES)),
        backdrop=int(rng.integers(BACKDROPS)),
        light=float(rng.uniform(-1, 1)),
        tilt=float(rng.uniform(-6, 6)),
        zoom=float(rng.uniform(0.9, 1.08)),
    )


def _pitch(kind: str, rng: np.random.Generator) -> Pitch:
    return Pitch(
        kind=kind,
        use=USES[rng.integers(len(USES))],
        make=MAKES[rng.integers(len(MAKES))],
        brand=int(rng.integers(1 << 16)),
        wording=int(rng.integers(1 << 30)),
    )


def _asins(count: int, rng: np.random.Generator) -> list[str]:
    letters = np.array(list("0123456789BCDFGHJKLMNPQRSTVWXYZ"))
    ids: dict[str, None] = {}
    while len(ids) < count:
        ids["B0" + "".join(rng.choice(letters, 8))] = None
    return list(ids)
