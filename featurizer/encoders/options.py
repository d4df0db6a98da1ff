r"""What of an encoder may be chosen behind its name: `e5=transformers:org/name,prompt=passage: ,max_tokens=256`.

One text says it everywhere, on the command line, in a recipe, in what another process is handed and in what a manifest
keeps; in Python and in recipes a mapping may (`{"encoder": "transformers:org/name", "name": "e5", "max_tokens": 256}`).
A comma that an option's name and `=` follow, after blanks or none, begins an option; `\,` is a comma of the value,
`\n` the end of a line, and spaces of a value count.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Required, TypedDict

from featurizer.encoders.base import Reads
from featurizer.errors import InputError

BEGINS = re.compile(r"(?<!\\), *(?=[A-Za-z][A-Za-z_-]*=)")
"""Where an option begins."""
ESCAPED = {"\\\\": "\\", "\\,": ",", "\\n": "\n"}
SIDES: tuple[Reads, ...] = ("image", "text", "both")
COMMON = ("modality", "revision", "truncate_dim")
"""What may be chosen of every family's models, but of those that are folders alone."""


class EncoderOptions(TypedDict, total=False):
    """An encoder with what is chosen of it, as Python and recipes may give it; the values are those of the text."""

    encoder: Required[str]
    """A preset, or family:model[@revision], or family:./folder."""
    name: str
    """The short name for its spaces."""
    modality: str
    """Which spaces are made of it: image, text, both, or several with + between them."""
    prompt: str
    """Put before every text; what a model that is talked to is asked."""
    pooling: str
    """How the states of tokens become one vector: cls, mean, lasttoken, pooler."""
    max_tokens: int
    """Where a text is cut, if the model's own limit does not lie before."""
    truncate_dim: int
    """How many of a vector's first numbers are kept; for models that were trained so (Matryoshka)."""
    image_size: int
    """The side of a picture in pixels; of models that take any size, the side of a square as large as one may be."""
    layer: int
    """Whose states are pooled: 1 is the first, -1 the last, -2 the one before."""
    revision: str
    """A revision on the Hub."""


def split_options(text: str) -> tuple[str, str]:
    """Return what an encoder is called, without spaces around it, and its options with the comma before, as written."""
    match = BEGINS.search(text)
    return (text.strip(), "") if match is None else (text[: match.start()].strip(), text[match.start() :])


def read_options(written: str, encoder: str, allowed: Collection[str]) -> dict[str, Any]:
    """Read options into fields of an `EncoderRequest`.

    Args:
        written: as `split_options` returned them.
        encoder: what they are of, for messages.
        allowed: the options that the family has.

    Raises:
        InputError: the family has no such option, a value is none, or one is given twice.
    """
    found: dict[str, Any] = {}
    for name, value in _pairs(written):
        if name not in allowed or name not in READERS:
            known = f"its options are {', '.join(sorted(allowed))}" if allowed else "it has none"
            raise InputError(f"{encoder} has no option '{name}'; {known}")
        field = FIELDS.get(name, name)
        if field in found:
            raise InputError(f"{name} of {encoder} is given twice; expected it once")
        found[field] = READERS[name](value, f"{name} of {encoder}")
    return found


def encoder_text(value: object) -> object:
    """Return an encoder that a mapping describes as its text; anything else as it is.

    Raises:
        InputError: the mapping does not say which encoder.
    """
    if not isinstance(value, Mapping):
        return value
    options = {str(name): one for name, one in value.items()}
    encoder, name = options.pop("encoder", None), options.pop("name", None)
    if not isinstance(encoder, str):
        raise InputError(
            f"an encoder is given as {dict(value)}, which does not say which; expected 'encoder', such as "
            '{"encoder": "transformers:org/name", "name": "short", "prompt": "passage: "}'
        )
    head, written = split_options(encoder)
    return f"{'' if name is None else f'{name}='}{head}{written}{''.join(_written(options))}"


def _written(options: Mapping[str, object]) -> Iterator[str]:
    for name, value in options.items():
        text = "+".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        for escape, meant in ESCAPED.items():
            text = text.replace(meant, escape)
        yield f",{name}={text}"


def _pairs(written: str) -> Iterator[tuple[str, str]]:
    for part in BEGINS.split(written)[1:]:
        name, _, value = part.partition("=")
        yield name, re.sub(r"\\[\\,n]", lambda match: ESCAPED[match[0]], value)


def _text(value: str, what: str) -> str:
    return value


def _word(value: str, what: str) -> str:
    if not value.strip():
        raise InputError(f"{what} is empty; expected a word")
    return value.strip()


def _whole(value: str, what: str) -> int:
    try:
        return int(value)
    except ValueError as error:
        raise InputError(f"{what} is '{value}'; expected a whole number") from error


def _positive(value: str, what: str) -> int:
    found = _whole(value, what)
    if found < 1:
        raise InputError(f"{what} is {found}; expected a whole number above 0")
    return found


def _sides(value: str, what: str) -> tuple[Reads, ...]:
    wanted = [part.strip() for part in value.split("+")]
    if not set(wanted) <= set(SIDES):
        raise InputError(f"{what} is '{value}'; expected image, text, both, or several with + between them")
    return tuple(side for side in SIDES if side in wanted)


READERS: Mapping[str, Callable[[str, str], Any]] = MappingProxyType(
    {
        "modality": _sides,
        "prompt": _text,
        "pooling": _word,
        "max_tokens": _positive,
        "truncate_dim": _positive,
        "image_size": _positive,
        "layer": _whole,
        "revision": _word,
    }
)
"""What each option's text means."""
FIELDS = {"modality": "modalities"}
"""The fields of a request that are called otherwise than the option."""
