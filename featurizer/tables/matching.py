"""Which column is meant: names are compared as people read them, not as machines do."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

_NO_LETTER = re.compile(r"[\W_]+")
_ASIDE = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_NAMESPACE = re.compile(r"^[a-z]{1,2}:", re.IGNORECASE)
_TRANSLATED = re.compile(r"^translations?[._][^._]+[._]", re.IGNORECASE)
_TYPE = re.compile(r":(token|token_seq|float|float_seq)$")
_LOCALE = re.compile(
    r"[-_ .](en|de|fr|es|it|nl|pt|pl|sv|da|fi|cs|ja|zh|ko|ru|tr)([-_][A-Z]{2})?([-_][a-z0-9]+)?$"
)


def folded(name: str) -> str:
    """Return a name without case, accents, blanks and signs: `Image-Src`, `image_src` and `imageSrc` are one."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return _NO_LETTER.sub("", "".join(letter for letter in letters if not unicodedata.combining(letter)))


def forms(name: str) -> tuple[str, ...]:
    """Return what a name may be found under, the closest first.

    As it is; without a namespace (`g:id`), the type that RecBole writes (`item_id:token`) and what stands in brackets
    (`Preis (EUR)`); and without a locale (`name-en_US`, `translations.DEFAULT.name`).
    """
    bare = _NAMESPACE.sub("", _TYPE.sub("", name.strip()))
    aside = _ASIDE.sub("", _TRANSLATED.sub("", bare))
    found = (name, bare, aside, _LOCALE.sub("", aside))
    return tuple(dict.fromkeys(filter(None, map(folded, found))))


def called(name: str, columns: Sequence[str]) -> str | None:
    """Return the column that somebody means: of that name, else the only one that folds to it; None for none."""
    alike = [name] if name in columns else [column for column in columns if folded(column) == folded(name)]
    return alike[0] if len(alike) == 1 else None


def match(roles: Mapping[str, Sequence[str]], columns: Sequence[str]) -> dict[str, str]:
    """Return which column each role is read from; those that none is called like are left out.

    Args:
        roles: the names of each, folded, those preferred first.
        columns: as they are called; of two that fold to one the first counts.
    """
    closest: dict[str, tuple[int, str]] = {}
    for column in columns:
        for rank, form in enumerate(forms(column)):
            if form not in closest or rank < closest[form][0]:
                closest[form] = rank, column
    taken: dict[str, str] = {}
    for role, names in roles.items():
        found = (closest[name][1] for name in names if name in closest)
        for column in found:
            if column not in taken.values():
                taken[role] = column
                break
    return taken
