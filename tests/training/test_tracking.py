from importlib.util import find_spec

import pytest

from featurizer.errors import MissingExtra
from featurizer.training.tracking import tensorboard_writer


def test_no_folder_writes_nothing():
    tensorboard_writer(None)({"epoch": 1, "loss": 0.5})


def test_each_number_of_an_epoch_becomes_a_scalar(tmp_path):
    if find_spec("tensorboard") is None:
        with pytest.raises(MissingExtra, match=r"featurizer\[tensorboard\]"):
            tensorboard_writer(tmp_path)
        return
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    write = tensorboard_writer(tmp_path)
    write({"epoch": 1, "loss": 0.5})
    write({"epoch": 2, "loss": 0.25})
    events = EventAccumulator(str(tmp_path)).Reload()
    assert [(point.step, point.value) for point in events.Scalars("loss")] == [(1, 0.5), (2, 0.25)]
