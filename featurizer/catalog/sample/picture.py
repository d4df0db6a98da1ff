"""From a look to a finished product picture."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image

from featurizer.catalog.sample.belongings import backpack, guitar, handbag, notebook, phone_case, teddy
from featurizer.catalog.sample.canvas import Canvas
from featurizer.catalog.sample.clothing import cap, sneaker, sock, t_shirt, watch
from featurizer.catalog.sample.furnishings import chair, cushion, lamp, umbrella
from featurizer.catalog.sample.tableware import bottle, mug, plant_pot, teapot, vase
from featurizer.catalog.sample.traits import Look

_DRAWINGS: dict[str, Callable[[Canvas, int], None]] = {
    "mug": mug,
    "bottle": bottle,
    "teapot": teapot,
    "vase": vase,
    "plant_pot": plant_pot,
    "lamp": lamp,
    "chair": chair,
    "cushion": cushion,
    "t_shirt": t_shirt,
    "sock": sock,
    "cap": cap,
    "sneaker": sneaker,
    "backpack": backpack,
    "handbag": handbag,
    "umbrella": umbrella,
    "watch": watch,
    "notebook": notebook,
    "phone_case": phone_case,
    "teddy": teddy,
    "guitar": guitar,
}


def draw(look: Look) -> Image.Image:
    """Return the product's picture, RGB and square; the same look gives the same pixels."""
    canvas = Canvas(look)
    _DRAWINGS[look.kind](canvas, look.shape)
    return canvas.finish()
