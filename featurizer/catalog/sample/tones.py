"""The colors of what is not the product's own: metal, wood, rubber, leaves."""

from __future__ import annotations

from featurizer.catalog.sample.skins import Rgb

DARK: Rgb = (56, 54, 62)
LIGHT: Rgb = (242, 240, 234)
SHADE: Rgb = (206, 204, 200)
METAL: Rgb = (172, 177, 186)
WOOD: Rgb = (178, 128, 84)
DEEP_WOOD: Rgb = (132, 90, 58)
LEAF: Rgb = (96, 138, 92)
DEEP_LEAF: Rgb = (70, 110, 72)
EARTH: Rgb = (96, 74, 60)
FUR: Rgb = (238, 214, 180)
GLOW: Rgb = (255, 240, 190)
