from __future__ import annotations

import pytest
import torch

from featurizer.errors import InputError
from featurizer.training.checkpoint import Checkpoint, CheckpointFile


def trained():
    """A module and its optimizer after a step, with a moment of their own."""
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.1)
    module(torch.randn(4, 3)).square().sum().backward()
    optimizer.step()
    return module, optimizer


def test_a_checkpoint_comes_back_as_it_was_left_and_training_goes_on_to_the_same_bits(tmp_path):
    module, optimizer = trained()
    left = Checkpoint(
        module.state_dict(), optimizer.state_dict(), {"x": torch.ones(2)}, [{"epoch": 1, "loss": 0.1}],
        step=7, average={"y": torch.zeros(1)}, sums={"word": (1.5, 3)}, seconds=2.5,
    )  # fmt: skip
    file = CheckpointFile(tmp_path / "checkpoint.pt", "a run")
    file.save(left)
    found = file.load()
    assert (found.history, found.step, found.sums, found.seconds) == (
        left.history, 7, {"word": (1.5, 3)}, 2.5,
    )  # fmt: skip
    again, other = trained()
    for parameter in again.parameters():
        parameter.data.zero_()
    again.load_state_dict(found.weights)
    other.load_state_dict(found.optimizer)
    assert torch.equal(found.best["x"], torch.ones(2))
    assert torch.equal(found.average["y"], torch.zeros(1))
    for one, adam in ((module, optimizer), (again, other)):
        one(torch.ones(4, 3) * torch.arange(4)[:, None]).square().sum().backward()
        adam.step()
    for name, value in module.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_where_there_is_no_checkpoint_nothing_is_loaded(tmp_path):
    file = CheckpointFile(tmp_path / "checkpoint.pt", "a run")
    assert file.load() is None
    file.remove()
    file.save(Checkpoint({}, {}, {}, []))
    file.remove()
    assert file.load() is None


def test_a_checkpoint_of_another_run_or_version_or_a_damaged_one_is_refused(tmp_path):
    path = tmp_path / "checkpoint.pt"
    CheckpointFile(path, "a run").save(Checkpoint({}, {}, {}, []))
    with pytest.raises(InputError, match="another run; choose another --out"):
        CheckpointFile(path, "another").load()
    state = torch.load(path, weights_only=True)
    torch.save(state | {"format_version": 1}, path)
    with pytest.raises(
        InputError, match="has format 1, this version reads 2; finish the run with the version"
    ):
        CheckpointFile(path, "a run").load()
    torch.save({"weights": {}}, path)
    with pytest.raises(InputError, match=r"damaged .* delete it to train from the start"):
        CheckpointFile(path, "a run").load()
    path.write_bytes(b"PK no zip")
    with pytest.raises(InputError, match="damaged"):
        CheckpointFile(path, "a run").load()


def test_a_save_that_fails_leaves_the_checkpoint_before_it(tmp_path):
    file = CheckpointFile(tmp_path / "checkpoint.pt", "a run")
    file.save(Checkpoint({}, {}, {}, [{"epoch": 1}]))
    with pytest.raises(AttributeError):
        file.save(Checkpoint({}, {"hook": lambda: None}, {}, [{"epoch": 2}]))
    assert file.load().history == [{"epoch": 1}]
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]
