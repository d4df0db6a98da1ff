"""Feature maps become tokens: what a convolutional network offers in the place of patches."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn.functional import adaptive_avg_pool2d


def side_by_side(maps: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return (b, rows · columns, channels of all maps) tokens on the last map's grid, row by row.

    Earlier maps are finer; they are averaged down to the last one's grid.

    Args:
        maps: one (b, channels, rows, columns) tensor a stage, from the first to the last.
    """
    rows, columns = maps[-1].shape[2:]
    same = [adaptive_avg_pool2d(part, (rows, columns)) for part in maps[:-1]]
    return torch.cat([*same, maps[-1]], dim=1).flatten(2).transpose(1, 2)
