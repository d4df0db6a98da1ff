"""Licenses as the Hub names them, and which of them let pictures be passed on."""

from __future__ import annotations

import difflib
import re

_IDS = """
apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0
bigcode-openrail-m afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc
cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0
cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0
cdla-sharing-1.0 cdla-permissive-1.0 cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1
eupl-1.2 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 isc h-research intel-research lppl-1.3c
ms-pl apple-ascl apple-amlr mpl-2.0 odc-by odbl openmdw-1.0 openrail++ osl-3.0 postgresql ofl-1.1 ncsa
unlicense zlib pddl lgpl-lr deepfloyd-if-license fair-noncommercial-research-license llama2 llama3 llama3.1
llama3.2 llama3.3 llama4 gemma unknown other
"""
HUB = frozenset(_IDS.split())
"""The ids that the Hub's card check takes."""
PICTURES = re.compile(
    r"cc0-1\.0|cc-by(-sa)?-\d\.\d|pddl|odc-by|odbl|cdla-.*|unlicense|mit|apache-2\.0|bsd.*|isc|wtfpl|zlib"
)
"""Licenses that let anyone pass the pictures on."""
UNSTATED = frozenset({"", "unknown", "none", "noassertion"})


def hub_license(text: str | None) -> tuple[str, str]:
    """Return a license as the front matter states it: an id that the Hub knows and no name, or `other` and its name.

    Both are empty when no license is given.
    """
    folded = (text or "").strip().lower()
    if not folded or folded in HUB:
        return folded, ""
    return "other", re.sub(r"[^a-z0-9.+-]+", "-", folded).strip("-") or "other"


def unknown_license(text: str) -> str | None:
    """Say what a card makes of a license without an id on the Hub, and which may be meant; None for one with."""
    _, name = hub_license(text)
    if not name:
        return None
    near = difflib.get_close_matches(name, sorted(HUB), n=3, cutoff=0.5)
    otherwise = "expected an SPDX id such as CC-BY-4.0, or any name where the release stays private."
    meant = f"did you mean {' or '.join(near)}?" if near else otherwise
    return f"the Hub knows no license '{text}', so the card says 'other', named {name}; {meant}"


def is_stated(text: object) -> bool:
    """Say whether a source states a license at all."""
    return isinstance(text, str) and text.strip().lower() not in UNSTATED


def lets_pictures_pass(text: object) -> bool:
    """Say whether a license lets anyone pass on the pictures."""
    return isinstance(text, str) and PICTURES.fullmatch(text.strip().lower()) is not None
