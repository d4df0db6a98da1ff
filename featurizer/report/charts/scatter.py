"""A map of a space as PNG, for papers; the page draws its own."""

from __future__ import annotations

import io

import numpy as np

from featurizer.report.categories import NONE, OTHER, Categories
from featurizer.report.charts.draw import DPI, WIDTH, empty, style
from featurizer.report.palette import OTHER as GRAY
from featurizer.report.palette import PAPER, color
from featurizer.report.projection import Projection


def map_png(space: str, projection: Projection, categories: Categories) -> bytes:
    """Draw a map, colored by category; same map, same bytes."""
    drawn = io.BytesIO()
    with style(*PAPER, salt=space):
        figure, axes = empty(WIDTH)
        for number, name in enumerate(categories.names):
            points = projection.points[categories.of_item == number]
            points = points[~np.isnan(points).any(1)]
            shade = GRAY if name in (OTHER, NONE) else color(number)
            axes.scatter(
                points[:, 0],
                points[:, 1],
                s=max(2.0, 18 - len(projection.points) / 500),
                c=shade,
                label=name,
                linewidths=0,
            )
        axes.set_aspect("equal")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_title(f"{space}, {projection.name}", fontsize="medium")
        if len(categories.names) > 1:
            figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize="small", markerscale=2)
        figure.savefig(drawn, format="png", dpi=DPI, metadata={"Software": None})
    return drawn.getvalue()
