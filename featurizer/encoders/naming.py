"""How an encoder is named: what the user types, what a manifest says of it, and where its folder lies."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from featurizer.encoders.base import folder_name, is_folder
from featurizer.encoders.family import find_family
from featurizer.encoders.options import split_options
from featurizer.encoders.presets import preset_named
from featurizer.errors import InputError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
GRAMMAR = (
    "An encoder is a preset, FAMILY:MODEL[@REVISION], FAMILY:./FOLDER, ica:DIR, align:DIR, or NAME=one of these, and "
    "options may follow (,prompt=…,max_tokens=…); `featurizer encoders` lists them."
)


def split_alias(text: str) -> tuple[str | None, str]:
    """Return what stands before `=`, None where nothing does, and what stands after it, options too.

    Raises:
        InputError: what stands before cannot name a space.
    """
    head, options = split_options(text)
    alias, equals, target = head.partition("=")
    if not equals or ":" in alias:
        return None, head + options
    if not NAME.fullmatch(alias):
        raise InputError(
            f"'{alias}' cannot name a space; expected letters, digits, '.', '_' and '-', the first a "
            f"letter or digit. {GRAMMAR}"
        )
    return alias, target + options


def family_of(text: str) -> str:
    """Return the name of the family that an encoder is loaded by, whether it is installed or not.

    Raises:
        InputError: what stands before `=` cannot name a space.
    """
    target = split_options(split_alias(text)[1])[0]
    preset = preset_named(target) if NAME.fullmatch(target) else None
    return target.partition(":")[0] if preset is None else preset.family.name


def local_folder(text: str) -> Path | None:
    """Return the folder that an encoder would be loaded from, whether it is there or not; None of another.

    Raises:
        InputError: what stands before `=` cannot name a space.
    """
    name, _, model = split_options(split_alias(text)[1])[0].partition(":")
    return Path(model).expanduser() if model and (is_folder(model) or _takes_folders_only(name)) else None


def told_request(text: str) -> str:
    """Return what a manifest says of an encoder: as it was named, but of a folder its name alone.

    Raises:
        InputError: what stands before `=` cannot name a space.
    """
    folder = local_folder(text)
    if folder is None:
        return text
    alias, target = split_alias(text)
    options = split_options(target)[1]
    return f"{f'{alias}=' if alias else ''}{target.partition(':')[0]}:./{folder_name(folder)}{options}"


def found_request(told: str, places: Iterable[Path]) -> str:
    """Return an encoder as a manifest names it with its folder where it lies: in the first of the places that has one.

    Where none has, it stays as it is named.

    Args:
        told: as `told_request` returned it.
        places: folders that may be it, or hold it.
    """
    folder = local_folder(told)
    if folder is None:
        return told
    candidates = (one for place in places for one in (place, place / folder.name))
    found = next((one for one in candidates if one.name == folder.name and one.is_dir()), None)
    if found is None:
        return told
    head, options = split_options(told)
    return head.removesuffix(f"./{folder.name}") + str(found.absolute()) + options


def _takes_folders_only(name: str) -> bool:
    family = find_family(name)
    return family is not None and family.folders_only
