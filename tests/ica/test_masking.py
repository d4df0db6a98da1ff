import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from featurizer.encoders.tokens import NO_WORD
from featurizer.ica.batch import Outline
from featurizer.ica.masking import draw_masks, mask_patches, mask_words
from featurizer.ica.options import Masking
from tests.support.small_tokens import Patches

SPEC = Patches.spec


def outline(items=600, *, image=None, text=None):
    rng = np.random.default_rng(0)
    words = torch.full((items, 13), NO_WORD, dtype=torch.int32)
    length = torch.zeros(items, dtype=torch.int64)
    for row in range(items):
        count = 0 if text is not None and not text[row] else int(rng.integers(1, 7))
        words[row, 1 : 1 + 2 * count] = torch.arange(count).repeat_interleave(2)
        length[row] = 1 + 2 * count if count else 0
    has_image = torch.ones(items, dtype=torch.bool) if image is None else torch.tensor(image)
    return Outline(has_image, words, length)


def drawn(items, masking=None, seed=0):
    return draw_masks(items, SPEC, masking or Masking(), np.random.default_rng(seed))


def test_a_masked_text_loses_the_rounded_up_share_of_its_words_whole():
    items = outline()
    masks = drawn(items, Masking(hide_share=0.0))
    for row in np.flatnonzero(masks.text.any(dim=1)).tolist():
        hidden = set(items.words[row][masks.text[row]].tolist())
        count = int(items.words[row].max()) + 1
        assert len(hidden) == math.ceil(0.5 * count)
        assert NO_WORD not in hidden
        for word in hidden:
            assert masks.text[row][items.words[row] == word].all()


def test_every_word_is_masked_equally_often():
    words = torch.arange(4, dtype=torch.int32).repeat(4000, 1)
    masked = mask_words(words, torch.full((4000,), 0.5), np.random.default_rng(0))
    assert masked.sum(dim=1).eq(2).all()
    np.testing.assert_allclose(masked.double().mean(dim=0), 0.5, atol=0.03)


def test_a_masked_picture_loses_the_rounded_up_share_of_its_patches():
    masks = drawn(outline(), Masking(hide_share=0.0, image_ratio=0.4))
    counts = masks.image.sum(dim=1)
    assert set(counts.tolist()) == {0, math.ceil(0.4 * 16)}


def test_masked_patches_lie_in_blocks():
    rng = np.random.default_rng(0)
    touching = []
    for _ in range(200):
        hidden = mask_patches(SPEC, 0.4, rng).reshape(4, 4)
        beside = (hidden[1:] & hidden[:-1]).sum() + (hidden[:, 1:] & hidden[:, :-1]).sum()
        touching.append(beside)
    scattered = 24 * (7 / 16) * (6 / 15)  # pairs of neighbors among 7 of 16 drawn at random
    assert np.mean(touching) > 1.3 * scattered


def test_prefix_tokens_are_hidden_with_the_patches():
    from dataclasses import replace

    hidden = mask_patches(replace(SPEC, prefix=2, max_tokens=18), 0.25, np.random.default_rng(0))
    assert hidden[:2].all()
    assert hidden[2:].sum() == 4


def test_paired_items_lose_words_or_patches_or_one_whole_modality():
    masks = drawn(outline(4000))
    kinds = torch.stack([masks.text.any(1), masks.image.any(1), masks.hide_text, masks.hide_image])
    assert kinds.sum(dim=0).eq(1).all()
    np.testing.assert_allclose(kinds.double().mean(dim=1), [0.2, 0.2, 0.3, 0.3], atol=0.03)


def test_an_item_with_one_modality_never_loses_it_whole_and_its_text_is_masked_less():
    image = np.arange(900) % 3 != 0
    text = np.arange(900) % 3 != 1
    items = outline(900, image=image, text=text)
    masks = drawn(items)
    lone_text, lone_image = torch.tensor(~image & text), torch.tensor(image & ~text)
    assert not masks.hide_text[lone_text].any()
    assert not masks.hide_image[lone_image].any()
    assert masks.image[lone_image].any(dim=1).all()
    for row in np.flatnonzero(lone_text).tolist():
        count = int(items.words[row].max()) + 1
        hidden = set(items.words[row][masks.text[row]].tolist())
        assert len(hidden) == math.ceil(0.15 * count)


def test_the_same_seed_draws_the_same_masks():
    one, other, third = drawn(outline(50)), drawn(outline(50)), drawn(outline(50), seed=1)
    assert torch.equal(one.image, other.image)
    assert torch.equal(one.text, other.text)
    assert not torch.equal(one.text, third.text)


@pytest.mark.parametrize("wrong", [{"image_ratio": 0.0}, {"text_ratio": 1.0}, {"hide_share": -0.1}])
def test_a_ratio_outside_its_range_is_refused(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Masking(**wrong)
