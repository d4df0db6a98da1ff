"""Encoders from Hugging Face transformers: vision models, text models, and both sides of dual models."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from PIL.Image import Image, Resampling
from PIL.Image import new as new_image
from tokenizers import normalizers
from transformers import (
    AutoImageProcessor,
    AutoTokenizer,
    BaseImageProcessor,
    PreTrainedTokenizerBase,
)

from featurizer.encoders.base import AnyEncoder, EncoderRequest, Reads
from featurizer.encoders.families.transformers.declared import refused
from featurizer.encoders.families.transformers.family import FAMILY
from featurizer.encoders.families.transformers.message import message_encoders
from featurizer.encoders.families.transformers.model import (
    LAYOUT,
    TransformersModel,
    open_model,
    where,
)
from featurizer.encoders.families.transformers.pooling import text_pool, vision_pool
from featurizer.encoders.picture_size import resized
from featurizer.encoders.pixels import Normalization, Pixels, fitting
from featurizer.encoders.placement import Placement
from featurizer.encoders.tokenizer import (
    chosen_limit,
    give_padding,
    loss_counter,
    require_vocabulary,
    token_limit,
)
from featurizer.encoders.torch_encoder import as_given, stacked, torch_encoder
from featurizer.encoders.weights import code_options, loading
from featurizer.errors import InputError
from featurizer.records import Json


def load(request: EncoderRequest) -> tuple[AnyEncoder, ...]:
    """Load one transformers model, from the Hub or a local folder.

    A dual model (CLIP, SigLIP) gives its projected image and text features, as `get_image_features` and
    `get_text_features` return them; one that is talked to (Qwen3-VL) vectors of pictures, of texts and of both, each as
    a message; a single one the pooling asked for, the declared one, or its own
    (`own_vision_pooling`, `own_text_pooling`). What a checkpoint declares (`Declared`) is applied or refused.

    Raises:
        InputError: the model reads neither pictures nor texts, or not the modality asked for.
        ModelUnavailable: the weights could not be had, or the checkpoint lacks some.
    """
    loaded = open_model(request)
    if loaded.by_message:
        return message_encoders(loaded)
    build: dict[Reads, Callable[[TransformersModel], AnyEncoder]] = {
        "image": image_encoder,
        "text": text_encoder,
    }
    return tuple(build[side](loaded) for side in loaded.sides)


@dataclass(frozen=True, slots=True)
class Processed:
    """A model's own preprocessing of one picture, as a function that another process can be sent.

    Attributes:
        processor: the library's.
        normalized: whether its last two steps are done: dividing by 255, and normalizing.
    """

    processor: BaseImageProcessor
    normalized: bool = True

    def __call__(self, image: Image) -> torch.Tensor:
        """Return the picture's (channels, height, width) numbers; bytes, where they are not normalized."""
        left_out = {} if self.normalized else {"do_rescale": False, "do_normalize": False}
        pixels: torch.Tensor = self.processor(images=image, return_tensors="pt", **left_out)["pixel_values"][
            0
        ]
        return pixels


def open_processor(loaded: TransformersModel) -> BaseImageProcessor:
    """Load a model's preprocessing of pictures.

    Raises:
        InputError: the model takes pictures of varying size.
        ModelUnavailable: it could not be had.
    """
    request = loaded.request
    with loading(request, FAMILY.name, layout=LAYOUT):
        processor: BaseImageProcessor = AutoImageProcessor.from_pretrained(
            where(request), revision=request.revision, **code_options(request)
        )
    if list(processor.model_input_names) != ["pixel_values"]:
        raise InputError(
            f"transformers:{request.model} takes {', '.join(processor.model_input_names)} a picture; "
            "expected pixel_values of one fixed size. Choose a fixed-resolution model."
        )
    side = request.image_size
    return processor if side is None else resized(processor, side, f"{FAMILY.name}:{request.model}")


def processed_pixels(processor: BaseImageProcessor, place: Placement) -> Pixels:
    """Return what a processor does to a picture, its last two steps on the GPU where they can be done there."""
    settings = processor.to_dict()
    mean, std = settings.get("image_mean"), settings.get("image_std")
    if not (settings.get("do_rescale") and settings.get("do_normalize") and mean and std):
        return Pixels(Processed(processor))
    raw = Processed(processor, normalized=False)
    return fitting(Processed(processor), raw, Normalization(tuple(mean), tuple(std)), place)


def image_encoder(loaded: TransformersModel, given: BaseImageProcessor | None = None) -> AnyEncoder:
    """Return the encoder of pictures to vectors.

    Args:
        loaded: the model.
        given: its processor, where it is loaded already.

    Raises:
        InputError: the model takes pictures of varying size.
        ModelUnavailable: its preprocessing could not be had.
    """
    processor = given or open_processor(loaded)
    pixels = processed_pixels(processor, loaded.place)
    forward = stacked(_image_features(loaded), loaded.place, pixels.normalize)
    blank = pixels.prepare(new_image("RGB", (64, 64)))
    try:
        with torch.inference_mode():
            dim = forward([blank]).shape[-1]
    except (ValueError, RuntimeError) as error:
        if loaded.request.image_size is None:
            raise
        raise InputError(
            f"{FAMILY.name}:{loaded.request.model} takes no pictures of {loaded.request.image_size} pixels: {error}"
        ) from error
    spec = loaded.spec("image", dim, _image_preprocessing(processor, blank))
    return torch_encoder(spec, pixels.prepare, forward)


def _image_features(loaded: TransformersModel) -> Callable[[torch.Tensor], torch.Tensor]:
    model, options = loaded.model, loaded.picture_options
    if loaded.is_dual:
        return lambda pixels: loaded.finish(
            model.get_image_features(pixel_values=pixels, **options).pooler_output
        )
    pool = vision_pool(model, loaded.pooling)
    return lambda pixels: loaded.finish(pool(loaded.at_layer(model(pixel_values=pixels, **options))))


def open_tokenizer(loaded: TransformersModel) -> PreTrainedTokenizerBase:
    """Load a model's tokenizer, let it pad, and put texts into small letters where that is declared.

    Raises:
        InputError: that is declared, and the tokenizer is one that is told nothing of it.
        ModelUnavailable: it could not be had.
    """
    request = loaded.request
    with loading(request, FAMILY.name, layout=LAYOUT):
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            where(request), revision=request.revision, **code_options(request)
        )
        require_vocabulary(tokenizer)
    give_padding(tokenizer)
    if loaded.declared.lowercase:
        if not tokenizer.is_fast:
            raise refused(request, f"small letters for the tokenizer {type(tokenizer).__name__}")
        backend = tokenizer.backend_tokenizer
        own = [] if backend.normalizer is None else [backend.normalizer]
        backend.normalizer = normalizers.Sequence([normalizers.Lowercase(), *own])
    if not loaded.reads_padding:
        tokenizer.padding_side = "right"  # on the left it would move a text along the model's positions
    return tokenizer


def text_encoder(loaded: TransformersModel, given: PreTrainedTokenizerBase | None = None) -> AnyEncoder:
    """Return the encoder of texts to vectors.

    Args:
        loaded: the model.
        given: its tokenizer, where it is loaded already.

    Raises:
        ModelUnavailable: its tokenizer could not be had.
    """
    tokenizer = given or open_tokenizer(loaded)
    limit, prompt = text_limit(loaded, tokenizer), loaded.prompt
    features = _text_features(loaded)

    def forward(texts: Sequence[str]) -> torch.Tensor:
        return features(_tokenized(loaded, tokenizer, [prompt + text for text in texts], limit))

    with torch.inference_mode():
        dim = forward(["text"]).shape[-1]
    preprocessing: dict[str, Json] = {
        "library": FAMILY.name,
        "tokenizer": type(tokenizer).__name__,
        "token_limit": limit,
        "padding": "max_length" if loaded.reads_padding else "longest",
        "prompt": prompt,
    }
    losses = loss_counter(tokenizer, limit, prompt.__add__)
    return torch_encoder(loaded.spec("text", dim, preprocessing), as_given, forward, losses)


def text_limit(loaded: TransformersModel, tokenizer: PreTrainedTokenizerBase) -> int | None:
    """Return the most tokens that model, tokenizer and what is declared allow; None when nothing says."""
    if loaded.reads_padding and loaded.request.max_tokens is not None:
        raise InputError(
            f"{FAMILY.name}:{loaded.request.model} reads its padding: all texts have one length; leave max_tokens out"
        )
    return chosen_limit(loaded.request, token_limit(loaded.model, tokenizer), loaded.declared.limit)


def _tokenized(
    loaded: TransformersModel, tokenizer: PreTrainedTokenizerBase, texts: list[str], limit: int | None
) -> dict[str, torch.Tensor]:
    """Return the (b, t) inputs of b texts: what the model's forward takes of what the tokenizer gives."""
    options = {
        "padding": "max_length" if loaded.reads_padding else "longest",
        "truncation": limit is not None,
        "max_length": limit,
        "return_tensors": "pt",
        "return_attention_mask": True,
    }
    tokens = tokenizer(texts, **options)
    nothing = tokens["attention_mask"].sum(dim=1) == 0
    if nothing.any():  # a text without a token is read as one of padding
        told = [tokenizer.pad_token if none else text for text, none in zip(texts, nothing, strict=True)]
        tokens = tokenizer(told, **options)
    device = loaded.request.device
    return {name: tokens[name].to(device, non_blocking=True) for name in loaded.inputs if name in tokens}


def _text_features(loaded: TransformersModel) -> Callable[[dict[str, torch.Tensor]], torch.Tensor]:
    model = loaded.model
    if loaded.is_dual:
        return lambda tokens: loaded.finish(model.get_text_features(**tokens).pooler_output)
    pool, options = text_pool(loaded.pooling), loaded.state_options
    return lambda tokens: loaded.finish(
        pool(loaded.at_layer(model(**tokens, **options)), tokens["attention_mask"])
    )


def _image_preprocessing(processor: BaseImageProcessor, pixels: torch.Tensor) -> dict[str, Json]:
    """Record the processor's own settings; its backend too, since they resize differently."""
    settings = json.loads(json.dumps(processor.to_dict()))
    resample = settings.pop("resample", None)
    return {
        "library": FAMILY.name,
        "processor": settings.pop("image_processor_type"),
        "backend": processor.backend,
        "input_size": list(pixels.shape),
        "interpolation": None if resample is None else Resampling(resample).name.lower(),
        "mean": settings.pop("image_mean", None),
        "std": settings.pop("image_std", None),
        **settings,
    }
