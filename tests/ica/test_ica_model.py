import numpy as np
import pytest
import torch
from torch.nn import functional

from featurizer.encoders.device import computing_threads
from featurizer.encoders.tokens import NO_WORD
from featurizer.errors import InputError
from featurizer.features.join import join
from featurizer.ica.batch import Batch
from featurizer.ica.codebook import assign, fit_codebook
from featurizer.ica.encoders import as_trained, static_words
from featurizer.ica.fit import losses
from featurizer.ica.heads import Decoder
from featurizer.ica.initialize import build
from featurizer.ica.masking import Masks, draw_masks
from featurizer.ica.model import TextStates
from featurizer.ica.objective import PARTS, contrast, hidden_of, latent_loss, predict, weights
from featurizer.ica.options import Architecture, Objective
from featurizer.ica.retrieval import teacher
from featurizer.ica.setup import TrainingSetup
from featurizer.ica.text_states import encode_text
from featurizer.ica.token_store import TokenEncoders, cache_tokens
from featurizer.ica.transformer import Transformer
from tests.ica.conftest import by_the_paper, shaken
from tests.support.small_tokens import Words

SPLIT = 6
TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}


def states_of(model, encoders, items, masks=None):
    with torch.no_grad():
        return model(items, encode_text(encoders.text, items, masks), masks)


def masked(store, rows, seed=0):
    from featurizer.ica.options import Masking

    items = store.read(rows)
    return items, draw_masks(store.outline(rows), store.image_spec, Masking(), np.random.default_rng(seed))


def test_a_padded_batch_equals_its_items_one_by_one(built, store, encoders):
    model, _ = built
    items, masks = masked(store, list(range(40)))
    batch = states_of(model, encoders, items, masks)
    for row in range(40):
        alone = store.read([row])
        length = alone.ids.shape[1]
        one = Masks(
            masks.image[[row]], masks.text[[row], :length], masks.hide_image[[row]], masks.hide_text[[row]]
        )
        single = states_of(model, encoders, alone, one)
        torch.testing.assert_close(batch.cls[row], single.cls[0], **TOLERANCE)
        real = int(items.length[row])
        if not masks.hide_text[row]:
            torch.testing.assert_close(batch.text[row, :real], single.text[0, :real], **TOLERANCE)


@pytest.mark.parametrize("fused", [0, 1, 2])
def test_what_nobody_sees_is_left_out_and_changes_no_state(fused):
    torch.manual_seed(0)
    form = Architecture(width=16, layers=2, heads=2, fused_layers=fused)
    transformer = Transformer(form)
    for value in transformer.parameters():
        value.data.add_(0.2 * torch.randn_like(value))
    visible = torch.rand(9, 12) < 0.6
    visible[:, 0] = True
    visible[3, 1:] = False
    visible[4, 7:] = False
    states = torch.randn(9, 12, 16, requires_grad=True)
    found = transformer(states, visible, 7)

    expected = states
    for block in transformer.blocks:
        attention = block.attention
        parts = attention.inward(attention.norm(expected)).view(9, 12, 3, 2, 8)
        queries, keys, values = parts.permute(2, 0, 3, 1, 4)
        scores = (queries @ keys.mT / 8**0.5).masked_fill(~visible[:, None, None, :], -torch.inf)
        mixed = (scores.softmax(dim=-1) @ values).transpose(1, 2).flatten(2)
        expected = expected + attention.outward(mixed)
        experts = block.experts
        image, text = expected[:, :7], expected[:, 7:]
        one, other = (experts["both"],) * 2 if "both" in experts else (experts["image"], experts["text"])
        expected = torch.cat([image + one(image), text + other(text)], dim=1)
    expected = expected * visible[:, :, None]
    torch.testing.assert_close(found, expected, **TOLERANCE)
    weight = torch.randn_like(found)
    own, written_out = (torch.autograd.grad((one * weight).sum(), states)[0] for one in (found, expected))
    torch.testing.assert_close(own, written_out, **TOLERANCE)
    assert not own[~visible].any()


def test_what_is_masked_or_hidden_reaches_no_state_before_the_loss(built, store, encoders):
    model, _ = built
    items, masks = masked(store, list(range(60)))
    before = states_of(model, encoders, items, masks)
    image = items.image.clone()
    image[masks.image] = 99.0
    image[masks.hide_image] = -99.0
    pooled = torch.where(
        (masks.image.any(1) | masks.hide_image)[:, None],
        torch.full_like(items.pooled_image, 77.0),
        items.pooled_image,
    )
    ids = items.ids.clone()
    ids[masks.text] = 5
    ids[masks.hide_text] = 6
    changed = Batch(
        image,
        items.has_image,
        ids,
        items.words,
        items.length,
        torch.where(
            (masks.text.any(1) | masks.hide_text)[:, None, None],
            torch.full_like(items.text, 44.0),
            items.text,
        ),
        pooled,
        torch.where(
            (masks.text.any(1) | masks.hide_text)[:, None],
            torch.full_like(items.pooled_text, 55.0),
            items.pooled_text,
        ),
    )
    after = states_of(model, encoders, changed, masks)
    torch.testing.assert_close(before.cls, after.cls, **TOLERANCE)
    shown = items.has_image & ~masks.hide_image
    torch.testing.assert_close(before.image[shown], after.image[shown], **TOLERANCE)


def test_texts_from_the_cache_give_the_losses_of_texts_that_are_encoded_again(store, encoders, options):
    rows = list(range(60))
    items, masks = masked(store, rows)
    ids = items.ids.masked_fill(masks.text, encoders.text.spec.mask_id)
    encoded = encoders.text.encode(ids, items.is_token | (items.length == 0)[:, None])
    shown = items.has_text & ~masks.hide_text
    assert 10 < int((shown & ~masks.text.any(dim=1)).sum()) < int(shown.sum())
    # what is shown whole is kept in float16
    states = torch.where(masks.text.any(dim=1)[:, None, None], encoded.states, encoded.states.half().float())
    again = TextStates(states * shown[:, None, None], encoded.pooled * shown[:, None])
    found = encode_text(encoders.text, items, masks)
    torch.testing.assert_close(found.tokens, again.tokens, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(found.pooled, again.pooled, rtol=1e-6, atol=1e-6)
    model, heads = build(store, range(96), options)
    hidden = hidden_of(items.words, masks, store.image_spec.prefix)
    kept, fresh = (
        predict(model, heads, items, model(items, text, masks), hidden, "code") for text in (found, again)
    )
    for name, prediction in kept.items():
        torch.testing.assert_close(prediction.loss(), fresh[name].loss(), rtol=1e-6, atol=0)


def test_a_text_without_a_masked_word_is_not_encoded_again(store, encoders):
    items, masks = masked(store, list(range(60)))
    seen = []

    class Counting(Words):
        def encode(self, ids, mask):
            seen.append(len(ids))
            return super().encode(ids, mask)

    encode_text(Counting(), items, None)
    assert not seen
    encode_text(Counting(), items, masks)
    assert seen == [int(masks.text.any(dim=1).sum())]
    assert 0 < seen[0] < 30


def test_an_absent_modality_is_as_if_it_had_never_been(built, store, encoders):
    model, _ = built
    rows = list(range(30))
    items = store.read(rows)
    without = states_of(model, encoders, items.without(image=True))
    noise = Batch(
        torch.randn_like(items.image), torch.zeros_like(items.has_image), items.ids, items.words, items.length,
        items.text, torch.randn_like(items.pooled_image), items.pooled_text,
    )  # fmt: skip
    torch.testing.assert_close(without.cls, states_of(model, encoders, noise).cls, **TOLERANCE)
    hidden = Masks(
        torch.zeros(30, 16, dtype=torch.bool),
        torch.zeros_like(items.ids, dtype=torch.bool),
        items.has_image,
        torch.zeros(30, dtype=torch.bool),
    )
    torch.testing.assert_close(without.cls, states_of(model, encoders, items, hidden).cls, **TOLERANCE)


def test_the_papers_feature_is_the_last_cls_state_or_the_mean_of_what_took_part(store, encoders, options):
    model, _ = build(store, range(96), by_the_paper(options))
    shaken(model).eval()
    items = store.read(list(range(20)))
    states = states_of(model, encoders, items)
    assert torch.equal(model.feature(states), states.cls)
    model.pool = "mean"
    found = model.feature(states)
    for row in range(20):
        parts = [states.cls[row : row + 1], states.text[row, : int(items.length[row])]]
        parts += [states.image[row]] if items.has_image[row] else []
        torch.testing.assert_close(found[row], torch.cat(parts).mean(dim=0), **TOLERANCE)


def test_before_training_the_papers_feature_has_the_cosines_of_the_joined_vectors(store, encoders, options):
    model, _ = build(store, range(96), by_the_paper(options))
    items = store.read(list(range(60)))
    text = encode_text(encoders.text, items, None)
    with torch.no_grad():
        joined, found = model.joined(items, text), model.feature(model(items, text))
    expected = functional.normalize(joined, dim=1) @ functional.normalize(joined, dim=1).T
    cosines = functional.normalize(found, dim=1) @ functional.normalize(found, dim=1).T
    # 6 + 8 dimensions of which some carry nothing; 16 hold all of them
    torch.testing.assert_close(cosines, expected, rtol=0, atol=1e-4)
    assert 0.3 < found.square().mean() < 3


def test_two_threads_add_up_the_gradient_of_tokens_of_one_item_in_the_same_order_every_time():
    generator = torch.Generator().manual_seed(0)
    decoder = Decoder(512, 16, 8)
    cls, out = torch.randn(32, 512, generator=generator), torch.randn(4000, 512, generator=generator)
    rows, places = (torch.randint(0, size, (4000,), generator=generator) for size in (32, 16))

    def gradients():
        decoder.zero_grad()
        decoder(cls, rows, places, decoder.position_image).backward(out)
        return torch.cat([decoder.position_image.grad, decoder.project[1].weight.grad])

    with computing_threads(2):
        first = gradients()
        assert all(torch.equal(gradients(), first) for _ in range(10))


@pytest.mark.parametrize("target", ["code", "feature"])
def test_each_part_of_the_loss_equals_its_written_out_sum(built, store, encoders, target):
    model, heads = built
    items, masks = masked(store, list(range(50)))
    states = states_of(model, encoders, items, masks)
    hidden = hidden_of(items.words, masks, 0)
    with torch.no_grad():
        sums = {
            name: float(found.loss())
            for name, found in predict(model, heads, items, states, hidden, target).items()
        }
        assert sums.keys() | {"latent"} == set(PARTS)
        whole = model.joined(items, encode_text(encoders.text, items, None))
    expected = dict.fromkeys(sums, 0.0)
    used = heads.used_ids.tolist()
    for row in range(50):
        for place in range(items.ids.shape[1]):
            true = int(items.ids[row, place])
            from_cls = heads.decoder(
                states.cls, torch.tensor([row]), torch.tensor([place]), heads.decoder.position_text
            )
            if masks.text[row, place]:
                expected["word"] += cross_entropy(heads.word(states.text[row, place]), used.index(true))
            is_word = items.words[row, place] != NO_WORD
            if masks.text[row, place] or (masks.hide_text[row] and is_word):
                expected["cls_word"] += cross_entropy(heads.word(from_cls)[0], used.index(true))
        for place in range(16):
            patch = (items.image[row, place] - model.standard_image.mean) / model.standard_image.deviation
            from_cls = heads.decoder(
                states.cls, torch.tensor([row]), torch.tensor([place]), heads.decoder.position_image
            )
            if masks.image[row, place]:
                expected["patch"] += patch_loss(heads, states.image[row, place], patch, target)
            if masks.image[row, place] or masks.hide_image[row]:
                expected["cls_patch"] += patch_loss(heads, from_cls[0], patch, target)
        if masks.text[row].any() or masks.hide_text[row]:
            expected["pooled_text"] += 1 - cosine(heads.pooled_text(states.cls[row]), whole[row, SPLIT:])
        if masks.image[row].any() or masks.hide_image[row]:
            expected["pooled_image"] += 1 - cosine(heads.pooled_image(states.cls[row]), whole[row, :SPLIT])
    assert sums == pytest.approx(expected, rel=1e-4)
    assert all(count > 0 for count in hidden.counts().values())


def cross_entropy(logits, true):
    logits = logits.detach().double()
    return float(torch.logsumexp(logits, 0) - logits[true])


def cosine(one, other):
    one, other = one.detach(), other.detach()
    return float((one @ other) / (one.norm() * other.norm()))


def patch_loss(heads, state, patch, target):
    if target == "feature":
        return 1 - cosine(heads.patch(state), patch)
    code = int((heads.codebook - patch).square().sum(dim=1).argmin())
    return cross_entropy(heads.code(state), code)


def gradient_of_the_last_cls(built, store, encoders, objective):
    model, heads = built
    items, masks = masked(store, list(range(40)))
    states = model(items, encode_text(encoders.text, items, masks), masks)
    states.cls.retain_grad()
    found = predict(model, heads, items, states, hidden_of(items.words, masks, 0), "code")
    sum(weight * found[name].loss() for name, weight in weights(objective).items()).backward()
    return states.cls.grad


def test_losses_on_tokens_alone_give_the_last_cls_state_no_gradient(built, store, encoders):
    gradient = gradient_of_the_last_cls(
        built, store, encoders, Objective(method="alignrec", cls=0.0, pooled=0.0)
    )
    assert gradient is None


@pytest.mark.parametrize("on", [{"cls": 1.0, "pooled": 0.0}, {"cls": 0.0, "pooled": 1.0}])
def test_the_decoder_and_the_pooled_targets_each_train_the_cls_state(built, store, encoders, on):
    gradient = gradient_of_the_last_cls(
        built, store, encoders, Objective(method="alignrec", tokens=0.0, **on)
    )
    assert float(gradient.abs().max()) > 1e-4


def test_contrast_equals_the_written_out_infonce():
    torch.manual_seed(0)
    one, other = torch.randn(5, 4), torch.randn(5, 4)
    total = 0.0
    for mine, theirs in ((one, other), (other, one)):
        for row in range(5):
            logits = torch.tensor([cosine(mine[row], theirs[place]) / 0.2 for place in range(5)])
            total += cross_entropy(logits, row)
    assert float(contrast(one, other, 0.2)) == pytest.approx(total / 10, rel=1e-5)


def test_the_codebook_finds_planted_clusters_and_assigns_the_nearest():
    torch.manual_seed(0)
    centers = 10 * torch.eye(6)
    tokens = centers.repeat(50, 1) + 0.1 * torch.randn(300, 6)
    codebook = fit_codebook(tokens, 6, seed=3)
    gaps = torch.cdist(centers, codebook)
    assert float(gaps.min(dim=1).values.max()) < 0.2
    nearest, distance = assign(tokens, codebook)
    brute = torch.cdist(tokens, codebook)
    assert torch.equal(nearest, brute.argmin(dim=1))
    torch.testing.assert_close(distance, brute.min(dim=1).values.square(), rtol=1e-2, atol=1e-3)
    assert len(fit_codebook(tokens[:3], 6)) == 3


def test_autocast_changes_no_code():
    torch.manual_seed(0)
    tokens = torch.randn(2000, 64)
    codebook = tokens[:256] + 0.5 * torch.randn(256, 64)
    expected = assign(tokens, codebook)[0]
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(assign(tokens, codebook)[0], expected)


def test_a_static_word_piece_says_nothing_of_those_beside_it(store, catalog, encoders, options, tmp_path):
    static = static_words(encoders.text)
    assert static.spec.layers == ("input_embeddings",)
    assert as_trained(encoders.text, {"layers": ["input_embeddings"]}).spec == static.spec
    assert as_trained(encoders.text, {"layers": ["mix"]}) is encoders.text
    kept = cache_tokens(catalog, TokenEncoders(encoders.image, static), tmp_path)
    items, masks = masked(kept, list(range(40)))
    found = encode_text(static, items, masks)
    contextual = encode_text(encoders.text, store.read(list(range(40))), masks)
    shown = items.is_token & ~masks.text & ~masks.hide_text[:, None]
    # what is cached is cached in float16
    torch.testing.assert_close(
        found.tokens[shown], encoders.text.table[items.ids[shown]], rtol=2**-11, atol=1e-6
    )
    torch.testing.assert_close(
        found.tokens[masks.text], encoders.text.table[2].expand(int(masks.text.sum()), -1)
    )
    torch.testing.assert_close(found.pooled, contextual.pooled)
    assert not torch.allclose(found.tokens, contextual.tokens)
    model, _ = build(kept, range(96), options)
    assert model.shapes.text_dim == 8


def test_an_architecture_that_cannot_be_built_is_refused():
    with pytest.raises(InputError, match="heads that divide the width"):
        Architecture(width=10, heads=4)
    with pytest.raises(InputError, match="fused layers"):
        Architecture(layers=2, fused_layers=3)


def test_the_start_of_whole_items_is_the_honest_join_on_its_axes(store, encoders, options):
    model, _ = build(store, range(96), options)
    items = store.read(list(range(120)))
    has = items.has_image.numpy(), items.has_text.numpy()
    joined, _ = join([(items.pooled_image.numpy(), has[0]), (items.pooled_text.numpy(), has[1])])
    both = has[0] & has[1]
    whole = items.rows(torch.from_numpy(both))
    with torch.no_grad():
        text = encode_text(encoders.text, whole, None)
        states = model(whole, text)
        found = model.feature(states)
    np.testing.assert_allclose(states.start.numpy(), joined[both], atol=1e-5)
    assert torch.equal(found, states.start)


def test_the_latent_loss_equals_the_written_out_sum():
    torch.manual_seed(0)
    found, others = torch.randn(3, 4), torch.randn(5, 4)
    true = torch.tensor([4, 0, 2])
    total = 0.0
    for row, own in enumerate(true.tolist()):
        logits = torch.tensor([cosine(found[row], others[place]) / 0.2 for place in range(5)])
        total += cross_entropy(logits, own)
        total += sum((float(found[row, at]) - float(others[own, at])) ** 2 for at in range(4))
    assert float(latent_loss(found, true, others, 0.2)) == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize("first", [0, 20])
def test_the_latent_part_is_the_loss_of_each_masked_or_hidden_part_against_the_whole_batch(
    built, store, encoders, options, first
):
    model, heads = built
    items, masks = masked(store, list(range(50)))
    job = TrainingSetup(model, heads, store, encoders.text, range(96), range(96, 120), options)
    with torch.no_grad():
        joins = teacher(job, items)
        part, hide = items.rows(slice(first, None)), masks.rows(slice(first, None))
        found = losses(job, part, hide, joins, first)["latent"]
        completed = model.completed(model(part, encode_text(encoders.text, part, hide), hide))
    total, count = 0.0, 0
    hidden = (hide.image.any(1) | hide.hide_image, hide.text.any(1) | hide.hide_text)
    for at, columns in enumerate((slice(0, SPLIT), slice(SPLIT, None))):
        known = [row for row in range(50) if joins[row, columns].any()]
        for row in range(50 - first):
            if hidden[at][row]:
                own = torch.tensor([known.index(first + row)])
                found_part = completed[row : row + 1, columns]
                total += float(
                    latent_loss(found_part, own, joins[known][:, columns], options.objective.temperature)
                )
                count += 1
    assert float(found) == pytest.approx(total, rel=1e-4)
    assert count == hidden_of(part.words, hide, 0).counts()["latent"]
