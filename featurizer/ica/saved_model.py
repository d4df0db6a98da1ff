"""A trained alignment on disk: `model.safetensors`, `config.json`, `metrics.jsonl`; `manifest.json` is written last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from featurizer.encoders.naming import found_request, local_folder, told_request
from featurizer.encoders.tokens import TokenSpec
from featurizer.errors import InputError
from featurizer.ica.fills import FillName
from featurizer.ica.heads import Heads
from featurizer.ica.model import IcaModel, Shapes
from featurizer.ica.options import Architecture, Method, Pool
from featurizer.ica.token_store import spec_json
from featurizer.records import Json
from featurizer.results.files import atomic_path, read_json, write_json
from featurizer.results.manifests.manifest import Record, read_as
from featurizer.results.names import CONFIG, MODEL, WEIGHTS
from featurizer.results.spelling import read_manifest
from featurizer.results.state import state_file

FORMAT_VERSION = 2
PLACES = "encoders"
"""The local note of where the folders of encoders lie; it is never published."""
MATCHING = ("dim", "layers", "grid", "prefix", "max_tokens", "vocabulary", "mask_id", "tokenizer")
"""What two token encoders must share, beside their weights, to be one."""


@dataclass(frozen=True, slots=True)
class SavedModel:
    """A model with what it needs to be applied.

    Attributes:
        model: the trunk.
        heads: what was predicted from it.
        vision: the vision encoder as the user named it.
        text: the text encoder, likewise.
        image_spec: the vision encoder's tokens, as JSON.
        text_spec: the text encoder's, likewise.
        terms: weights of the terms beyond mask-then-predict that it was trained with; cards name them.
    """

    model: IcaModel
    heads: Heads
    vision: str
    text: str
    image_spec: Mapping[str, Json]
    text_spec: Mapping[str, Json]
    terms: Mapping[str, Json]

    def check(self, spec: TokenSpec, side: str) -> None:
        """Refuse an encoder that is not the one the model was trained on.

        Raises:
            InputError: its weights, its tokens or its tokenizer differ; names what.
        """
        trained = self.image_spec if side == "image" else self.text_spec
        found = spec_json(spec)
        before, now = pooled_of(trained), pooled_of(found)
        differing = [name for name in MATCHING if trained.get(name) != found.get(name)]
        differing += [name for name in ("weight_hash",) if before.get(name) != now.get(name)]
        if differing:
            raise InputError(
                f"the {side} encoder {now['family']}:{now['model']} is not the one that the model was trained on "
                f"({before['family']}:{before['model']}): {', '.join(differing)} differ. Install or name the encoder "
                "of the training, or train again with 'featurizer pretrain-ica'."
            )


def pooled_of(tokens: Mapping[str, Json]) -> dict[str, Json]:
    """Return what a record of an encoder's tokens says of the encoder itself.

    Raises:
        InputError: it says nothing.
    """
    pooled = tokens.get("pooled")
    if not isinstance(pooled, dict):
        raise InputError(
            f"{CONFIG} says nothing of an encoder ('pooled'), expected one; train the model again"
        )
    return pooled


class SavedConfig(Record):
    """What `config.json` says: all but the weights that a model is built from."""

    format_version: int
    """Of the format."""
    model_type: Literal["ica"]
    """Tells it from a recommender."""
    architecture: dict[str, int]
    """Of the trunk."""
    shapes: dict[str, int]
    """Of what it is given."""
    pool: Pool
    """Which states the unified vector is read from."""
    method: Method
    """What it was trained to predict, and so whether the unified vector is a completed join."""
    fills: dict[str, tuple[FillName, int]]
    """By missing part, `image` and `text`: how it is guessed, and from how many items that are kept."""
    words: int
    """Word pieces that the heads tell apart."""
    codes: int
    """Visual tokens, likewise."""
    vision: str
    """The vision encoder as the user named it, but of a folder its name alone."""
    text: str
    """The text encoder, likewise."""
    image_tokens: dict[str, JsonValue]
    """The vision encoder's tokens."""
    text_tokens: dict[str, JsonValue]
    """The text encoder's."""
    terms: dict[str, JsonValue] = Field(default_factory=dict)
    """Weights of the terms beyond mask-then-predict."""


def write_saved_model(folder: Path, bundle: SavedModel) -> None:
    """Write weights and configuration; the stage writes the manifest."""
    model, heads = bundle.model, bundle.heads
    tensors = {
        f"{part}.{name}": value.detach().cpu().contiguous()
        for part, module in (("model", model), ("heads", heads))
        for name, value in module.state_dict().items()
    }
    with atomic_path(folder / WEIGHTS) as partial:
        save_file(tensors, partial)
    config: dict[str, Json] = {
        "format_version": FORMAT_VERSION,
        "model_type": "ica",
        "architecture": model.form.model_dump(),
        "shapes": asdict(model.shapes),
        "pool": model.pool,
        "method": "alignrec" if model.residual is None else "latent",
        "fills": {name: [fill.kind, len(fill.keys)] for name, fill in model.start.fills().items()},
        "words": len(heads.used_ids),
        "codes": len(heads.codebook),
        "vision": told_request(bundle.vision),
        "text": told_request(bundle.text),
        "image_tokens": dict(bundle.image_spec),
        "text_tokens": dict(bundle.text_spec),
        "terms": dict(bundle.terms),
    }
    write_json(folder / CONFIG, config)
    places = dict(_places((bundle.vision, bundle.text)))
    if places:
        write_json(state_file(folder, PLACES), {**places})


def _places(encoders: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in encoders:
        folder = local_folder(name)
        if folder is not None:
            yield told_request(name), str(folder.absolute())


def _found(told: str, folder: Path) -> str:
    """Return an encoder with its folder where training found it, or beside the model, where it is a local one."""
    known = state_file(folder, PLACES)
    place = read_json(known).get(told) if known.is_file() else None
    noted = [Path(place)] if isinstance(place, str) else []
    return found_request(told, (*noted, Path.cwd(), folder, folder.parent, folder.parent.parent))


def model_folder(path: Path) -> Path:
    """Return the folder that holds the model: `path`, or `path/model` when `path` is what --out named."""
    return path / "model" if (path / "model" / CONFIG).exists() else path


def load_saved_model(path: Path, device: str = "cpu") -> SavedModel:
    """Read a trained model.

    Raises:
        InputError: no such model, an unfinished one, one of another version, or a damaged one.
    """
    folder = model_folder(path)
    if not (folder / MODEL).exists():
        raise InputError(
            f"{folder} holds no {MODEL}; expected a model made by 'featurizer pretrain-ica'. Finish or make one."
        )
    found = read_manifest(folder / CONFIG)
    if found.get("model_type") != "ica" or found.get("format_version") != FORMAT_VERSION:
        raise InputError(
            f"{folder / CONFIG} is of {found.get('model_type')} format {found.get('format_version')}; this version "
            f"reads ica format {FORMAT_VERSION}. Use the version that made it, or train again."
        )
    config = read_as(SavedConfig, folder / CONFIG, cure="Copy the model again, or train again.")
    try:
        model = IcaModel(
            Shapes(**config.shapes),
            Architecture.model_validate(config.architecture),
            config.pool,
            config.method,
        )
        model.start.expect(config.fills)
        heads = Heads(model, words=config.words, codes=config.codes)
        state = load_file(folder / WEIGHTS)
        for part, module in (("model.", model), ("heads.", heads)):
            module.load_state_dict(
                {name.removeprefix(part): value for name, value in state.items() if name.startswith(part)}
            )
    except (OSError, SafetensorError, RuntimeError, TypeError, KeyError, ValueError) as error:
        raise InputError(
            f"the model in {folder} is damaged: {error}. Copy it again, or train again."
        ) from error
    for module in (model, heads):
        module.requires_grad_(requires_grad=False).eval().to(device)
    vision, text = (_found(told, folder) for told in (config.vision, config.text))
    return SavedModel(model, heads, vision, text, config.image_tokens, config.text_tokens, config.terms)
