"""OpenCLIP: dual models of pictures and texts."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from featurizer.encoders.base import AnyEncoder, EncoderRequest
from featurizer.encoders.family import EncoderFamily
from featurizer.encoders.languages import ENGLISH
from featurizer.encoders.preset import EncoderPreset
from featurizer.papers import Paper
from featurizer.registry import Extra

if TYPE_CHECKING:
    from featurizer.encoders.tokens import AnyTokenEncoder


def load(request: EncoderRequest) -> Sequence[AnyEncoder]:
    """Load the encoders of one model."""
    from featurizer.encoders.families.open_clip import encoder

    return encoder.load(request)


def load_tokens(request: EncoderRequest) -> Sequence[AnyTokenEncoder]:
    """Load the token encoders of one model."""
    from featurizer.encoders.families.open_clip import tokens

    return tokens.load(request)


def name_model(model: str) -> str | None:
    """Keep both parts of `ARCHITECTURE/TAG`, since many architectures share a tag."""
    return model if _is_architecture(model.partition("/")[0]) else None


def _is_architecture(name: str) -> bool:
    """Say whether OpenCLIP has a model of that name, by its own files, without the seconds an import takes."""
    package = find_spec("open_clip")
    folders = package.submodule_search_locations if package else None
    return any(Path(folder, "model_configs", f"{name}.json").is_file() for folder in folders or ())


FAMILY = EncoderFamily(
    name="open_clip",
    load=load,
    load_tokens=load_tokens,
    extra=Extra(("open_clip",)),
    libraries=("open-clip-torch", "timm", "tokenizers", "torchvision", "transformers"),
    papers={"": Paper("ilharco2021openclip", "OpenCLIP", "Ilharco, Gabriel and others", 2021, "Zenodo")},
    presets=(
        EncoderPreset(
            "clip",
            "ViT-B-32/laion2b_s34b_b79k",
            {"image": 512, "text": 512},
            "MIT",
            parameters=151_277_313,
            languages=ENGLISH,
        ),
        EncoderPreset(
            "clip-l14",
            "ViT-L-14/laion2b_s32b_b82k",
            {"image": 768, "text": 768},
            "MIT",
            parameters=427_616_513,
            languages=ENGLISH,
        ),
        EncoderPreset(
            "marqo-ecommerce-b",
            "Marqo/marqo-ecommerce-embeddings-B",
            {"image": 768, "text": 768},
            "Apache-2.0",
            parameters=203_000_000,
            languages=ENGLISH,
        ),
        EncoderPreset(
            "marqo-ecommerce-l",
            "Marqo/marqo-ecommerce-embeddings-L",
            {"image": 1024, "text": 1024},
            "Apache-2.0",
            parameters=652_000_000,
            languages=ENGLISH,
        ),
    ),
    needs_model=True,
    options=("prompt", "image_size"),
    name_model=name_model,
)
