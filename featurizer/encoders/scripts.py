"""Texts in a script whose words a tokenizer does not know: it spells them letter by letter, or byte by byte."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

LETTER = re.compile(r"[^\W\d_]")
FOREIGN = re.compile(r"[^\W\d_\u0000-\u036f]")
"""A letter beyond Latin script: Greek is the first behind it."""
UNSPACED = re.compile(
    r"[\u0e00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
)
"""A letter of a script that does not part its words, or whose letters are syllables: one alone may well be a word."""
WORD = re.compile(r"[^\W\d_]+")
SHORT = 3
"""Letters up to which a word may be known by its letters alone."""


def is_foreign(text: str) -> bool:
    """Say whether more than a quarter of a text's letters are beyond Latin script; brands seldom are."""
    if text.isascii():
        return False
    foreign = len(FOREIGN.findall(text))
    return 4 * foreign > len(LETTER.findall(text))


def spelling(tokenizer: PreTrainedTokenizerBase) -> Callable[[str], bool]:
    """Return the function that says whether most of a text are letters beyond Latin script that a tokenizer spells.

    A letter is spelled where it is unknown, falls into several tokens (its bytes), or is a token by itself amid a word
    of a script that parts its words; the last says nothing of a tokenizer that spells Latin words too. One written in
    Python tells no places, so that nothing is found with it.
    """
    if not tokenizer.is_fast:
        return lambda text: False
    by_letters = _spelled(tokenizer, "product description", LETTER) > 0.5
    return lambda text: is_foreign(text) and _spelled(tokenizer, text, FOREIGN, alone=not by_letters) > 0.5


def _spelled(
    tokenizer: PreTrainedTokenizerBase, text: str, letters: re.Pattern[str], *, alone: bool = True
) -> float:
    """Return the share of a text's letters that are spelled."""
    split = tokenizer(text, return_offsets_mapping=True, verbose=False)
    pieces: Counter[int] = Counter()
    lost: set[int] = set()
    long = {at for word in WORD.finditer(text) if len(word[0]) > SHORT for at in range(*word.span())}
    for index, (start, end) in zip(split["input_ids"], split["offset_mapping"], strict=True):
        inside = [at for at in range(start, end) if LETTER.match(text[at])]
        pieces.update(inside)
        if index == tokenizer.unk_token_id or (
            alone and len(inside) == 1 and inside[0] in long and not UNSPACED.match(text[inside[0]])
        ):
            lost.update(inside)
    places = [match.start() for match in letters.finditer(text)]
    return sum(pieces[at] != 1 or at in lost for at in places) / max(len(places), 1)
