"""The text recipe: which fields make an item's text, and how markup is taken out of them.

The recipe is recorded in `catalog.json`; its version changes whenever the same fields would give another text.
"""

from __future__ import annotations

import html
import re
import string
from collections.abc import Collection
from functools import cache, lru_cache

from pydantic import field_validator

from featurizer.config import Config
from featurizer.errors import InputError, UnknownName
from featurizer.records import ItemRecord
from featurizer.values import as_text

DEFAULT_TEMPLATE = "{title} {brand} {categories} {description}"
SHORT = 200
"""Letters; what categories of no more become is remembered."""
FIELDS = ("title", "brand", "categories", "description")

_ELEMENTS = (
    "a|abbr|address|article|aside|audio|b|big|blockquote|body|br|button|caption|center|cite|code|col|dd|del|div|dl|"
    "dt|em|embed|figcaption|figure|font|footer|form|frame|h[1-6]|head|header|hr|html|i|iframe|img|input|ins|label|"
    "li|link|main|map|area|meta|nav|noscript|object|ol|option|p|param|pre|q|s|section|select|small|source|span|"
    "strike|strong|sub|sup|svg|table|tbody|td|textarea|tfoot|th|thead|time|title|tr|tt|u|ul|var|video|wbr"
)
_HIDDEN = re.compile(r"<(style|script)\b[^>]*>.*?(?:</\1\s*>|$)", re.IGNORECASE | re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->|<!doctype[^>]*>|<\?xml[^>]*>", re.IGNORECASE | re.DOTALL)
_INLINE = re.compile(
    r"</?(?:b|i|em|strong|u|s|sub|sup|span|font|a|small|big|tt|wbr)(?:\s[^<>]*)?/?>", re.IGNORECASE
)
_TAG = re.compile(rf"</?(?:{_ELEMENTS})(?:\s[^<>]*)?/?>", re.IGNORECASE)
_CSS_RULE = re.compile(
    r"(?:(?<!\w)[.#@][a-zA-Z_-][^{}<>;]{0,200}?)?\{\s*(?:[\w-]+\s*:\s*[^;{}]{1,200};\s*)*"
    r"(?:[\w-]+\s*:\s*[^;{}]{1,200};?\s*)\}"
)
_MARKED = re.compile(r"[&<{\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\ufeff]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\ufeff]")


def clean(value: str) -> str:
    """Take entities, tags, styles and control characters out of a field; fold white space, keep the rest.

    Entities are unescaped until nothing changes (sources escape twice); a `<` that opens no known HTML
    element stays, so "size < 5" survives.
    """
    if not _MARKED.search(value):
        return " ".join(value.split())
    for _ in range(3):
        unescaped = html.unescape(value)
        if unescaped == value:
            break
        value = unescaped
    value = _COMMENT.sub(" ", _HIDDEN.sub(" ", value))
    value = _TAG.sub(" ", _INLINE.sub("", value))
    value = _CSS_RULE.sub(" ", value) if "{" in value else value
    return " ".join(_CONTROL.sub(" ", value).split())


class TextRecipe(Config):
    """How an item's text is rendered; the same recipe on the same record gives the same text."""

    version: int = 1
    """Raised when the cleaning changes."""
    template: str = DEFAULT_TEMPLATE
    """Fields in braces: title, brand, categories, description, or a column of the source; anything else is literal."""

    @field_validator("template")
    @classmethod
    def _can_be_read(cls, template: str) -> str:
        try:
            parsed = _parsed(template)
        except ValueError as error:
            raise InputError(
                f"text template '{template}' cannot be read: {error}; expected fields such as {{title}} "
                "(a brace that is meant literally is doubled)"
            ) from error
        if any(spec or conversion for _, _, spec, conversion in parsed):
            raise InputError(
                f"text template '{template}' formats or converts a field; expected bare fields such as {{title}}. "
                "Leave out what follows ':' or '!'."
            )
        names = [name for _, name, _, _ in parsed if name is not None]
        if not all(names):
            raise InputError(
                f"text template '{template}' has a field without a name; expected such as {{title}}"
            )
        if not names:
            raise InputError(
                f"text template '{template}' names no field; expected one or more of {{title}}, {{brand}}, "
                "{categories}, {description}, or columns of the source"
            )
        return template

    @property
    def own(self) -> tuple[str, ...]:
        """The columns of the source that the template names."""
        names = (name for _, name, _, _ in _parsed(self.template))
        return tuple(dict.fromkeys(name for name in names if name and name not in FIELDS))

    def check(self, columns: Collection[str]) -> None:
        """See that the source has the columns that the template names.

        Args:
            columns: the source's own, those that are no field of an item.

        Raises:
            UnknownName: it has not.
        """
        for name in self.own:
            if name not in columns:
                raise UnknownName("field or column in the text template", name, [*FIELDS, *columns])

    def render(self, record: ItemRecord) -> str | None:
        """Return the item's text, or None when every field that the template names is empty."""
        parts: list[str] = []
        worded = False
        for literal, name, _, _ in _parsed(self.template):
            parts.append(literal)
            if name is None:
                continue
            if name == "categories":
                text = _joined(record.categories)
            else:
                value = getattr(record, name) if name in FIELDS else as_text(record.extra.get(name))
                text = _clean(value) if value else ""
            if text and not text.isspace():
                worded = True
                parts.append(text)
        return " ".join("".join(parts).split()) if worded else None


def _joined(categories: tuple[str, ...]) -> str:
    return _same(categories) if sum(map(len, categories)) <= SHORT else _each_cleaned(categories)


@lru_cache(4096)
def _same(categories: tuple[str, ...]) -> str:
    """Remember what was cleaned: items share their categories."""
    return _each_cleaned(categories)


def _each_cleaned(categories: tuple[str, ...]) -> str:
    return " ".join(filter(None, map(_clean, categories)))


def _clean(value: str) -> str:
    """Return a field cleaned, its white space as it came where nothing else is to be cleaned: the text folds it."""
    return clean(value) if _MARKED.search(value) else value


@cache
def _parsed(template: str) -> tuple[tuple[str, str | None, str | None, str | None], ...]:
    return tuple(string.Formatter().parse(template))
