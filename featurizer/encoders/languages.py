"""The languages that text models were trained on, as their cards list them; two or three letters each (ISO 639)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from featurizer.errors import InputError

ENGLISH = ("en",)
MANY = ("many",)
"""The card says how many, or that there are, and lists none."""
XLM_R = (
    "af", "am", "ar", "as", "az", "be", "bg", "bn", "br", "bs", "ca", "cs", "cy", "da", "de", "el", "en", "eo",
    "es", "et", "eu", "fa", "fi", "fr", "fy", "ga", "gd", "gl", "gu", "ha", "he", "hi", "hr", "hu", "hy", "id",
    "is", "it", "ja", "jv", "ka", "kk", "km", "kn", "ko", "ku", "ky", "la", "lo", "lt", "lv", "mg", "mk", "ml",
    "mn", "mr", "ms", "my", "ne", "nl", "no", "om", "or", "pa", "pl", "ps", "pt", "ro", "ru", "sa", "sd", "si",
    "sk", "sl", "so", "sq", "sr", "su", "sv", "sw", "ta", "te", "th", "tl", "tr", "ug", "uk", "ur", "uz", "vi",
    "xh", "yi", "zh",
)  # fmt: skip
"""Those of XLM-RoBERTa, which multilingual-e5 and bge-m3 go on from; as the card of multilingual-e5 lists them."""


def language_code(wanted: str) -> str:
    """Return the code of a language as cards write it: of `de-DE` and `pt_BR` what stands first.

    Raises:
        InputError: it is none of two or three letters.
    """
    code = re.split(r"[-_]", wanted.strip().lower())[0]
    if not re.fullmatch(r"[a-z]{2,3}", code):
        raise InputError(
            f"--language {wanted}; expected a code of two or three letters (ISO 639), such as de or zh"
        )
    return code


def reads_language(languages: Sequence[str], code: str) -> bool:
    """Say whether a model reads a language, or may: one of many that lists none counts."""
    return language_code(code) in languages or tuple(languages) == MANY
