"""The contract of an `EncoderFamily`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from unittest import SkipTest

import numpy as np

from featurizer.encoders.base import AnyEncoder, EncoderRequest, EncoderSpec, Reads, Vectors
from featurizer.encoders.family import EncoderFamily
from featurizer.encoders.naming import NAME
from featurizer.encoders.options import READERS
from featurizer.encoders.tokens import TokenSpec
from featurizer.testing.samples import assert_close

CUT = 8
"""Tokens that a text is cut at: few, but more than a model puts around it."""


class EncoderFamilyContract:
    """What everybody who asks a family for encoders relies on; every check is one test.

    Subclass it in a test module, name the class `Test…`, and write `make_family` and `make_request`. The encoders
    themselves have contracts of their own: `EncoderContract`, `ImageTokenEncoderContract`, `TextTokenEncoderContract`.
    """

    def make_family(self) -> EncoderFamily:
        """Return the family under test."""
        raise NotImplementedError("write make_family in your subclass of EncoderFamilyContract")

    def make_request(self) -> EncoderRequest:
        """Return the request for a small model of it, all that the model reads, on the CPU in float32."""
        raise NotImplementedError("write make_request in your subclass of EncoderFamilyContract")

    def test_the_name_can_stand_before_a_colon(self) -> None:
        """`--encoder FAMILY:MODEL` reaches the family."""
        assert NAME.fullmatch(self.make_family().name), f"{self.make_family().name!r} cannot be typed"

    def test_what_it_needs_is_installed_here(self) -> None:
        """`extra` names modules that exist once its pip line has run, as it has where this test runs."""
        extra = self.make_family().extra
        assert extra.installed, f"some of {', '.join(extra.modules)} cannot be found; is it {extra.pip_line}?"

    def test_papers_are_found_by_patterns(self) -> None:
        """Every key of `papers` is a regular expression, every value has what a bibliography needs."""
        for pattern, paper in self.make_family().papers.items():
            re.compile(pattern)
            assert pattern == pattern.lower(), f"{pattern!r} is compared with names in small letters"
            assert paper.bibtex.startswith(f"@inproceedings{{{paper.key},")

    def test_presets_can_name_a_space(self) -> None:
        """A preset's name is a space's, is given once, and says what the model reads."""
        presets = self.make_family().presets
        names = [preset.name for preset in presets]
        assert len(set(names)) == len(names), f"some of {names} stand twice"
        for preset in presets:
            assert NAME.fullmatch(preset.name), f"{preset.name!r} cannot name a space"
            assert preset.dims, f"the preset {preset.name} reads nothing"

    def test_encoders_carry_the_familys_name_and_the_one_asked_for(self) -> None:
        """Vectors are traced back to the family, and their spaces are called as the user asked."""
        family, request = self.make_family(), replace(self.make_request(), name="asked-for")
        specs = [encoder.spec for encoder in family.load(request)]
        assert specs, "load returns no encoder"
        for spec in specs:
            assert spec.family == family.name, f"spec.family is {spec.family}, the family {family.name}"
            assert spec.name == "asked-for", f"spec.name is {spec.name}, asked for asked-for"
        assert len({spec.space for spec in specs}) == len(specs), "two encoders write one space"

    def test_one_side_alone_can_be_asked_for(self) -> None:
        """`modalities` leaves the other spaces of a model out."""
        family, request = self.make_family(), self.make_request()
        for side in _sides(family.load(request)):
            alone = family.load(replace(request, modalities=(side,)))
            assert [encoder.spec.modality for encoder in alone] == [side]

    def test_its_options_are_options_of_encoders(self) -> None:
        """What may be chosen behind the name of one of its models can be read, and reaches `load`."""
        unknown = set(self.make_family().options) - READERS.keys()
        assert not unknown, (
            f"nobody reads the options {', '.join(sorted(unknown))}; expected some of {list(READERS)}"
        )

    def test_a_prompt_that_is_asked_for_counts_and_is_told(self) -> None:
        """A family with the option `prompt` puts it before every text, and says so with the vectors."""
        family, request = self.make_family(), self.make_request()
        plain, asked = (
            _of_texts(family.load(replace(request, prompt=prompt))) for prompt in ("", "a picture of ")
        )
        if "prompt" not in family.options or plain is None or asked is None:
            raise SkipTest(f"{family.name} takes no prompt, or this model no text")
        assert asked.spec.preprocessing.get("prompt") == "a picture of ", (
            "preprocessing does not tell the prompt"
        )
        texts = ["red mug", "long coat"]
        assert not np.allclose(_encoded(asked, texts), _encoded(plain, texts), atol=1e-6)

    def test_texts_are_cut_where_it_is_asked_for(self) -> None:
        """With the option `max_tokens` nothing behind so many tokens counts; what stands before does."""
        family, request = self.make_family(), self.make_request()
        if "max_tokens" not in family.options or _of_texts(family.load(request)) is None:
            raise SkipTest(f"{family.name} cuts no text where it is asked for, or this model reads none")
        cut = _of_texts(family.load(replace(request, max_tokens=CUT)))
        assert cut is not None
        long = "red cotton dress " * CUT
        assert_close(_encoded(cut, [long]), _encoded(cut, [long + "and more"]))
        assert not np.allclose(_encoded(cut, ["red"]), _encoded(cut, ["mug"]), atol=1e-6)

    def test_tokens_are_those_of_the_encoders(self) -> None:
        """A family with `load_tokens` gives, for the same request, tokens whose pooled vectors are the encoders'."""
        family, request = self.make_family(), self.make_request()
        if family.load_tokens is None:
            raise SkipTest(f"{family.name} gives vectors alone")
        encoders: dict[str, EncoderSpec] = {
            encoder.spec.modality: encoder.spec for encoder in family.load(request)
        }
        tokens = family.load_tokens(request)
        assert tokens, "load_tokens returns no token encoder"
        for one in tokens:
            _check_tokens(one, encoders)

    def test_one_side_of_the_tokens_alone_can_be_asked_for(self) -> None:
        """What reads pictures alone never asks for a text tower's tokens."""
        family, request = self.make_family(), self.make_request()
        if family.load_tokens is None:
            raise SkipTest(f"{family.name} gives vectors alone")
        for side in [one.spec.pooled.modality for one in family.load_tokens(request)]:
            alone = family.load_tokens(replace(request, modalities=(side,)))
            assert [one.spec.pooled.modality for one in alone] == [side]


def _of_texts(encoders: Sequence[AnyEncoder]) -> AnyEncoder | None:
    return next((encoder for encoder in encoders if encoder.spec.modality == "text"), None)


def _encoded(encoder: AnyEncoder, texts: Sequence[str]) -> Vectors:
    return encoder.encode([encoder.prepare(text) for text in texts])


def _sides(encoders: Sequence[AnyEncoder]) -> list[Reads]:
    """Return what can be asked for alone: of a model that has nothing beside the space of both, nothing."""
    found = [encoder.spec.modality for encoder in encoders]
    return [] if found == ["both"] else found


def _check_tokens(tokens: object, encoders: Mapping[str, EncoderSpec]) -> None:
    spec = getattr(tokens, "spec", None)
    assert isinstance(spec, TokenSpec), f"a {type(tokens).__name__} has no TokenSpec"
    side = spec.pooled.modality
    assert spec.pooled == encoders.get(side), f"the pooled vectors of the {side} tokens are no encoder's"
    steps = ("prepare", "encode") if side == "image" else ("tokenize", "encode", "embed")
    lacking = [step for step in steps if not callable(getattr(tokens, step, None))]
    assert not lacking, f"the {side} tokens lack {', '.join(lacking)}"
