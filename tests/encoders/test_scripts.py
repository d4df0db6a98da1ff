"""Texts in a script that a tokenizer does not know are counted as such; those in one that it knows are not."""

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import ByT5Tokenizer, PreTrainedTokenizerFast

from featurizer.encoders.base import EncoderRequest
from featurizer.encoders.families.open_clip.encoder import text_encoder
from featurizer.encoders.families.open_clip.tokens import open_model
from featurizer.encoders.resolve import load, resolve
from featurizer.encoders.scripts import is_foreign, spelling

RUSSIAN = "красное хлопковое платье с длинными рукавами"
GREEK = "κόκκινο βαμβακερό φόρεμα με μακριά μανίκια"
CHINESE = "红色棉质长袖连衣裙"
ARABIC = "فستان قطني أحمر بأكمام طويلة"
GERMAN = "Rotes Baumwollkleid mit langen Ärmeln, größer als üblich"
ENGLISH = "a red cotton dress with long sleeves"
MIXED = "платье Dress"


def trained(texts, model, trainer, before):
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = before
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token=model.unk_token)


def wordpieces(*texts):
    special = trainers.WordPieceTrainer(vocab_size=400, special_tokens=["[UNK]"], show_progress=False)
    return trained(texts * 5, models.WordPiece(unk_token="[UNK]"), special, pre_tokenizers.Whitespace())


def bytepairs(*texts):
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=700, initial_alphabet=alphabet, show_progress=False)
    return trained(texts * 5, models.BPE(), trainer, pre_tokenizers.ByteLevel(add_prefix_space=False))


@pytest.mark.parametrize("text", [RUSSIAN, GREEK, CHINESE, ARABIC])
@pytest.mark.parametrize("build", [wordpieces, bytepairs])
def test_a_script_that_a_tokenizer_has_never_seen_is_spelled(build, text):
    spelled = spelling(build(ENGLISH, GERMAN, "product description"))
    assert spelled(text)
    assert not spelled(ENGLISH)
    assert not spelled(GERMAN)


@pytest.mark.parametrize("text", [RUSSIAN, GREEK, CHINESE, ARABIC])
@pytest.mark.parametrize("build", [wordpieces, bytepairs])
def test_a_script_whose_words_a_tokenizer_knows_is_not(build, text):
    assert not spelling(build(ENGLISH, "product description", text))(text)


def test_a_model_of_english_that_spells_russian_says_so_with_the_share():
    (minilm,) = load(resolve("minilm"))
    told = [
        loss.unknown for loss in minilm.losses([ENGLISH, GERMAN, RUSSIAN, GREEK, ARABIC, MIXED, "", "日本語"])
    ]
    assert told[:5] == [False, False, True, True, True]
    assert told[6] is False


def test_clips_own_tokenizer_spells_what_is_not_latin(checkpoint):
    encoder = text_encoder(open_model(EncoderRequest("c", str(checkpoint("open_clip_vit")))))
    told = [loss.unknown for loss in encoder.losses([ENGLISH, GERMAN, CHINESE, ARABIC])]
    assert told == [False, False, True, True]


def test_a_tokenizer_of_letters_or_bytes_knows_every_script():
    assert not spelling(ByT5Tokenizer())(RUSSIAN)
    trainer = trainers.WordLevelTrainer(special_tokens=["[UNK]"], show_progress=False)
    split = pre_tokenizers.Split("", "isolated")
    texts = (ENGLISH, RUSSIAN, "product description")
    assert not spelling(trained(texts, models.WordLevel(unk_token="[UNK]"), trainer, split))(RUSSIAN)


def test_texts_count_as_foreign_by_most_of_their_letters():
    assert [is_foreign(text) for text in (RUSSIAN, CHINESE, GERMAN, "100 %", "", "платье a b")] == [
        True, True, False, False, False, True,
    ]  # fmt: skip
