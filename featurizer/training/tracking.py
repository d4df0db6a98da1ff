"""Epoch records as TensorBoard scalars, for those who watch runs there."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from featurizer.errors import MissingExtra
from featurizer.records import Json


def tensorboard_writer(folder: Path | None) -> Callable[[dict[str, Json]], None]:
    """Return what writes an epoch's record into event files; nothing is written where `folder` is None.

    Raises:
        MissingExtra: TensorBoard is not installed.
    """
    if folder is None:
        return lambda _: None
    if find_spec("tensorboard") is None:
        raise MissingExtra("TensorBoard event files", "tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(folder))

    def write(record: dict[str, Json]) -> None:
        epoch = int(str(record["epoch"]))
        for name, value in record.items():
            if name != "epoch" and isinstance(value, (int, float)):
                writer.add_scalar(name, value, epoch)
        writer.flush()

    return write
