import json
import shutil

import numpy as np
import pytest
import torch

from featurizer.errors import InputError, StaleOutput
from featurizer.features import prepare
from featurizer.ica import token_store
from featurizer.ica.batches import read_step
from featurizer.ica.initialize import build
from featurizer.ica.on_the_fly import OnTheFlyTokens, runs
from featurizer.ica.setup import TrainingSetup
from featurizer.ica.token_store import TokenEncoders, cache_tokens
from featurizer.training.distributed import DistributedContext
from tests.support.small_tokens import Patches, Words


def equal(one, other):
    for name in one.__slots__:
        torch.testing.assert_close(getattr(one, name), getattr(other, name), rtol=0, atol=1e-6)


def test_the_cache_holds_what_the_encoders_say_in_any_order(store, catalog, encoders):
    rows = [119, 3, 10, 12, 77, 3, 0]
    items = store.read(rows)
    assert items.has_image.tolist() == [row % 7 != 6 for row in rows]
    assert items.has_text.tolist() == [row % 13 != 12 for row in rows]
    equal(items, OnTheFlyTokens(catalog, encoders).read(rows))
    ids, errors = store.ids_and_errors(rows)
    assert ids == [f"i{row}" for row in rows]
    assert errors == [None] * len(rows)


def test_reading_in_batches_equals_reading_at_once(store):
    whole = store.read(list(range(20)))
    for row in range(20):
        one = store.read([row])
        assert torch.equal(one.image[0], whole.image[row])
        length = int(one.length[0])
        assert torch.equal(one.ids[0, :length], whole.ids[row, :length])


def test_the_manifest_says_what_an_item_costs(store):
    manifest = json.loads((store.folder / "tokens.json").read_text())
    assert manifest["rows"] == 120
    assert manifest["bytes"] == sum(path.stat().st_size for path in store.folder.glob("shards/*/*"))
    states = sum(path.stat().st_size for path in store.folder.glob("shards/*/states.f16"))
    assert states == sum(row % 7 != 6 for row in range(120)) * 16 * 6 * 2


def test_a_killed_run_goes_on_with_the_shards_it_has(catalog, encoders, tmp_path, monkeypatch):
    monkeypatch.setattr(token_store, "SHARD_ROWS", 30)
    whole = cache_tokens(catalog, encoders, tmp_path / "whole")
    real, calls = prepare.decode, 0

    def decode(data):
        nonlocal calls
        calls += 1
        if calls == 70:
            raise KeyboardInterrupt
        return real(data)

    monkeypatch.setattr(prepare, "decode", decode)
    with pytest.raises(KeyboardInterrupt):
        cache_tokens(catalog, encoders, tmp_path / "t")
    assert not (tmp_path / "t" / "tokens.json").exists()
    before = calls
    again = cache_tokens(catalog, encoders, tmp_path / "t")
    assert calls - before < 100
    for path in sorted((tmp_path / "whole").glob("shards/*/*.?*")):
        if path.name != "shard.json":
            assert path.read_bytes() == (tmp_path / "t" / path.relative_to(tmp_path / "whole")).read_bytes()
    equal(whole.read(list(range(120))), again.read(list(range(120))))


def test_the_cache_of_another_encoder_is_refused_by_name(store, catalog):
    with pytest.raises(StaleOutput, match="weight_hash"):
        cache_tokens(catalog, TokenEncoders(Patches(), Words(weight_hash="9" * 64)), store.folder)


def test_a_shard_cut_short_is_told(store, catalog, encoders, tmp_path):
    shutil.copytree(store.folder, tmp_path / "t")
    path = next((tmp_path / "t").glob("shards/*/states.f16"))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match=r"states\.f16 has \d+ bytes, expected"):
        cache_tokens(catalog, encoders, tmp_path / "t")


class Overflowing(Patches):
    """Its 3rd picture has a state that float16 cannot hold."""

    seen = 0

    def encode(self, prepared):
        batch = super().encode(prepared)
        place = 2 - self.seen
        self.seen += len(prepared)
        if 0 <= place < len(prepared):
            batch.states[place, 5, 1] = 1e6
        return batch


def test_a_picture_whose_tokens_are_not_finite_is_a_row_with_a_reason(catalog, tmp_path):
    store = cache_tokens(catalog, TokenEncoders(Overflowing(), Words()), tmp_path / "t")
    items = store.read([1, 2, 3])
    assert items.has_image.tolist() == [True, False, True]
    assert torch.isfinite(items.image).all()
    assert store.ids_and_errors([1, 2, 3])[1] == [None, "patches_image: nonfinite", None]


class OverflowingWords(Words):
    """A text that names a lamp has a state that float16 cannot hold."""

    def encode(self, ids, mask):
        batch = super().encode(ids, mask)
        lamp = (ids == self.tokenize(["lamp"])[0].ids[1]).any(dim=1)
        batch.states[lamp, 0, 0] = 1e6
        return batch


def test_a_text_whose_states_are_not_finite_is_a_row_with_a_reason(catalog, encoders, options, tmp_path):
    broken = TokenEncoders(Patches(), OverflowingWords())
    store = cache_tokens(catalog, broken, tmp_path / "t")
    rows = list(range(120))
    texts = [row["text"] for batch in catalog.batches(["text"]) for row in batch.to_pylist()]
    lamps = [row for row in rows if "lamp" in (texts[row] or "")]
    items = store.read(rows)
    assert len(lamps) > 5
    assert not items.has_text[lamps].any()
    assert torch.isfinite(items.text).all()
    assert [row for row, error in enumerate(store.ids_and_errors(rows)[1]) if error] == lamps
    assert store.ids_and_errors(lamps[:1])[1] == ["words_text: nonfinite"]
    live = OnTheFlyTokens(catalog, broken)
    equal(store.read(lamps), live.read(lamps))
    model, heads = build(store, rows, options)
    setup = TrainingSetup(model, heads, live, broken.text, rows, lamps, options)
    step = read_step(setup, lamps, [0], DistributedContext())
    hidden = (step.masks.text, step.masks.hide_text, step.masks.hide_image)
    assert not any(mask.any() for mask in hidden)


def test_rows_that_follow_one_another_are_read_together():
    assert list(runs([4, 5, 6, 2, 3, 3, 9])) == [range(4, 7), range(2, 4), range(3, 4), range(9, 10)]
    assert list(runs([])) == []


def test_an_empty_read_is_empty(store):
    items = store.read([])
    assert items.image.shape == (0, 16, 6)
    assert np.asarray(items.has_text).shape == (0,)
