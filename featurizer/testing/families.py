"""The contract of an `EncoderFamily`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from unittest import SkipTest

from featurizer.encoders.base import AnyEncoder, EncoderRequest, EncoderSpec, Modality
from featurizer.encoders.family import EncoderFamily
from featurizer.encoders.naming import NAME
from featurizer.encoders.tokens import TokenSpec


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
        """`modalities` leaves the other side of a dual model out."""
        family, request = self.make_family(), self.make_request()
        for side in _sides(family.load(request)):
            alone = family.load(replace(request, modalities=(side,)))
            assert [encoder.spec.modality for encoder in alone] == [side]

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


def _sides(encoders: Sequence[AnyEncoder]) -> list[Modality]:
    return [encoder.spec.modality for encoder in encoders if encoder.spec.modality != "both"]


def _check_tokens(tokens: object, encoders: Mapping[str, EncoderSpec]) -> None:
    spec = getattr(tokens, "spec", None)
    assert isinstance(spec, TokenSpec), f"a {type(tokens).__name__} has no TokenSpec"
    side = spec.pooled.modality
    assert spec.pooled == encoders.get(side), f"the pooled vectors of the {side} tokens are no encoder's"
    steps = ("prepare", "encode") if side == "image" else ("tokenize", "encode", "embed")
    lacking = [step for step in steps if not callable(getattr(tokens, step, None))]
    assert not lacking, f"the {side} tokens lack {', '.join(lacking)}"
