"""What the user types after `--vision` or `--text` becomes a token encoder. Imports no torch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, cast, overload

from featurizer import registry
from featurizer.encoders.base import Dtype, Modality
from featurizer.encoders.device import resolve_device
from featurizer.encoders.loaded import LoadedImageTokens, LoadedTextTokens
from featurizer.encoders.resolve import EncoderChoice, resolve
from featurizer.errors import InputError

if TYPE_CHECKING:
    from featurizer.encoders.tokens import (
        AnyTokenEncoder,
        ImageTokenEncoder,
        TextTokenEncoder,
        TokenLoader,
    )


@overload
def load_token_encoder(
    text: str, modality: Literal["image"], *, device: str, dtype: Dtype = ...
) -> ImageTokenEncoder: ...
@overload
def load_token_encoder(
    text: str, modality: Literal["text"], *, device: str, dtype: Dtype = ...
) -> TextTokenEncoder: ...
def load_token_encoder(
    text: str, modality: Modality, *, device: str, dtype: Dtype = "float32"
) -> AnyTokenEncoder:
    """Load one side of one encoder, read before its pooling.

    Args:
        text: as for `resolve`: a preset, `family:model`, a plug-in, or any of these after `NAME=`.
        modality: which side.
        device: `auto` or a torch device.
        dtype: what to compute in.

    Raises:
        UnknownName: nothing answers to the text.
        InputError: the encoder has no side of that modality, or gives vectors but no tokens.
        FeaturizerError: it cannot be loaded.
    """
    choice = resolve(text, device=resolve_device(device), dtype=dtype, modalities=(modality,))
    encoders = _loader(choice, text)(choice.request)
    sides = {encoder.spec.pooled.modality: encoder for encoder in encoders}
    if modality not in sides:
        raise InputError(
            f"the encoder {text} gives {' and '.join(sides) or 'no'} tokens, but {modality} tokens were asked "
            f"for; choose an encoder that reads {'pictures' if modality == 'image' else 'texts'}"
        )
    found = sides[modality]
    spec = replace(found.spec, pooled=choice.completed(found.spec.pooled))
    return LoadedImageTokens(found, spec) if modality == "image" else LoadedTextTokens(found, spec)


def _loader(choice: EncoderChoice, text: str) -> TokenLoader:
    known = registry.names(registry.TOKEN_ENCODERS)
    if choice.family not in known:
        raise InputError(
            f"the encoder {text} gives vectors but no tokens: its package has no entry point "
            f"'{choice.family}' in {registry.TOKEN_ENCODERS}. Choose an encoder of {', '.join(known)}, or write "
            "that entry point (docs/add-an-encoder.md)."
        )
    return cast("TokenLoader", registry.load(registry.TOKEN_ENCODERS, choice.family))
