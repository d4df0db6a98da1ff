"""Tokens from OpenCLIP: the patches of the image tower, and the text tower's states before it pools."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, cast

import torch
from open_clip.hf_model import HFTextEncoder
from open_clip.transformer import VisionTransformer
from PIL.Image import new as new_image
from torch.nn.functional import normalize, pad

from featurizer.encoders.base import EncoderRequest, Modality
from featurizer.encoders.families.open_clip.encoder import (
    OpenClipModel,
    image_encoder,
    open_model,
    open_tokenizer,
    text_encoder,
)
from featurizer.encoders.families.open_clip.family import FAMILY
from featurizer.encoders.families.open_clip.words import words_of
from featurizer.encoders.tokens import AnyTokenEncoder, ImageTokenEncoder, TextTokenEncoder, TokenSpec
from featurizer.encoders.torch_encoder import stacked
from featurizer.encoders.torch_tokens import (
    States,
    image_tokens,
    no_tokens,
    refuse_other_vectors,
    side_by_side,
    text_tokens,
)

Read: TypeAlias = Callable[[torch.Tensor], tuple[Sequence[torch.Tensor], torch.Tensor]]
"""Pictures to (b, channels, rows, columns) maps, from the first stage to the last, and (b, p) features."""


def load(request: EncoderRequest) -> tuple[AnyTokenEncoder, ...]:
    """Load the token encoders of one OpenCLIP model; names as for its encoders.

    A picture's tokens are its patches alone, without the class token, whose last state is what the pooled
    vector is projected from; of a convolutional tower they are the feature maps of all stages, as timm's are.
    A text's are those between and with its start and end.

    Raises:
        InputError: a tower gives no tokens.
        FeaturizerError: the model cannot be loaded.
    """
    loaded = open_model(request)
    sides: dict[Modality, Callable[[OpenClipModel], AnyTokenEncoder]] = {
        "image": _image_tokens,
        "text": _text_tokens,
    }
    return tuple(build(loaded) for side, build in sides.items() if side in (request.modalities or sides))


def _image_tokens(loaded: OpenClipModel) -> ImageTokenEncoder:
    request, place, encoder = loaded.request, loaded.place, image_encoder(loaded)
    visual = cast("torch.nn.Module", loaded.model.visual)
    if not hasattr(getattr(visual, "trunk", visual), "forward_intermediates"):
        raise no_tokens(
            f"{FAMILY.name}:{request.model}", f"has a {type(visual).__name__} tower without feature maps"
        )
    blank = encoder.prepare(new_image("RGB", (64, 64)))
    probe = torch.randn(blank.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        layers, read = _reading(visual, probe.to(place.device, place.torch_dtype)[None])

    def forward(pixels: torch.Tensor) -> States:
        maps, features = read(pixels)
        return side_by_side(maps), normalize(features, dim=-1) if encoder.spec.normalized else features

    tokens = stacked(forward, place, loaded.pixels.normalize)
    with torch.no_grad():
        maps, _ = stacked(read, place)([probe])
        refuse_other_vectors(encoder.spec, tokens([probe])[1], encoder.encode([probe]))
    rows, columns = maps[-1].shape[2:]
    spec = TokenSpec(
        pooled=encoder.spec,
        dim=sum(part.shape[1] for part in maps),
        layers=layers,
        grid=(rows, columns),
        max_tokens=rows * columns,
    )
    return image_tokens(spec, encoder.prepare, tokens)


def _reading(visual: torch.nn.Module, probe: torch.Tensor) -> tuple[tuple[str, ...], Read]:
    """Find out, on one (1, 3, height, width) picture, what a tower has to be read from, and name it."""
    every, _ = _reader(visual, None)(probe)
    if any(part.shape[2:] != every[-1].shape[2:] for part in every):
        return tuple(f"image_intermediates.{stage}" for stage in range(len(every))), _reader(visual, None)
    if not isinstance(visual, VisionTransformer):
        return ("trunk.norm",), _reader(visual, 1, normed=True)
    if visual.attn_pool is None and not visual.final_ln_after_pool:
        return ("ln_post",), _reader(visual, 1, normed=True)
    return (f"transformer.resblocks.{len(every) - 1}",), _reader(
        visual, 1
    )  # the last norm follows the pooling


def _reader(visual: torch.nn.Module, last: int | None, *, normed: bool = False) -> Read:
    """Return the function to the last so many of a tower's maps, or all of them."""
    run = cast("Callable[..., dict[str, Any]]", visual.forward_intermediates)

    def read(pixels: torch.Tensor) -> tuple[Sequence[torch.Tensor], torch.Tensor]:
        output = run(pixels, indices=last, normalize_intermediates=normed)
        return output["image_intermediates"], output["image_features"]

    return read


def _text_tokens(loaded: OpenClipModel) -> TextTokenEncoder:
    request, tokenizer = loaded.request, open_tokenizer(loaded)
    tower = getattr(loaded.model, "text", None)
    if isinstance(tower, HFTextEncoder):
        table = cast("torch.nn.Embedding", tower.transformer.get_input_embeddings())
    else:
        table = cast("torch.nn.Embedding", (tower or loaded.model).token_embedding)
    words = words_of(tokenizer, request.model, request.prompt or "", rows=table.num_embeddings)
    encoder = text_encoder(loaded, tokenizer)
    read = _of_hf_tower(tower) if isinstance(tower, HFTextEncoder) else _of_tower(loaded.model)

    def forward(ids: torch.Tensor, mask: torch.Tensor) -> States:
        length = ids.shape[1]  # OpenCLIP reads every text at the full length
        states, features = read(pad(ids, (0, words.limit - length), value=words.padding_id))
        return states[:, :length], normalize(features, dim=-1) if encoder.spec.normalized else features

    layer = "last_hidden_state" if isinstance(tower, HFTextEncoder) else "ln_final"
    return text_tokens(encoder, words, layer, device=request.device, forward=forward, embedding=table)


def _of_tower(model: torch.nn.Module) -> Callable[[torch.Tensor], States]:
    run = cast("Callable[..., dict[str, Any]]", model.forward_intermediates)

    def read(ids: torch.Tensor) -> States:
        output = run(text=ids, text_indices=1, normalize=False, normalize_intermediates=True)
        return output["text_intermediates"][-1], output["text_features"]

    return read


def _of_hf_tower(tower: HFTextEncoder) -> Callable[[torch.Tensor], States]:
    def read(ids: torch.Tensor) -> States:
        mask = (ids != tower.config.pad_token_id).long()
        output = tower.transformer(input_ids=ids, attention_mask=mask)
        return output.last_hidden_state, tower.proj(tower.pooler(output, mask))

    return read
