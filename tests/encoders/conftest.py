import functools

import pytest
import torch
from encoder_checkpoints import CHECKPOINTS
from joint_checkpoints import JOINT_CHECKPOINTS


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """Return the function from a checkpoint's name to its folder; each is written once a session."""
    root = tmp_path_factory.mktemp("checkpoints")
    return functools.cache(lambda name: {**CHECKPOINTS, **JOINT_CHECKPOINTS}[name](root / name))


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """Small models are slower on many threads than on one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
