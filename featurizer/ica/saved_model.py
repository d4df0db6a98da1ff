"""A trained alignment on disk: `model.safetensors`, `config.json`, `metrics.jsonl`; `manifest.json` is written last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from featurizer.encoders.tokens import TokenSpec
from featurizer.errors import InputError
from featurizer.ica.heads import Heads
from featurizer.ica.model import IcaModel, Shapes
from featurizer.ica.options import Architecture, Pool
from featurizer.ica.token_store import spec_json
from featurizer.records import Json
from featurizer.results.files import atomic_path, write_json
from featurizer.results.spelling import read_manifest

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
CONFIG = "config.json"
WEIGHTS = "model.safetensors"
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
        before, now = trained["pooled"], found["pooled"]
        assert isinstance(before, dict)
        assert isinstance(now, dict)
        differing = [name for name in MATCHING if trained.get(name) != found.get(name)]
        differing += [name for name in ("weight_hash",) if before.get(name) != now.get(name)]
        if differing:
            raise InputError(
                f"the {side} encoder {now['family']}:{now['model']} is not the one that the model was trained on "
                f"({before['family']}:{before['model']}): {', '.join(differing)} differ. Install or name the encoder "
                "of the training, or train again with 'featurizer pretrain-ica'."
            )


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
        "words": len(heads.used_ids),
        "codes": len(heads.codebook),
        "vision": bundle.vision,
        "text": bundle.text,
        "image_tokens": dict(bundle.image_spec),
        "text_tokens": dict(bundle.text_spec),
        "terms": dict(bundle.terms),
    }
    write_json(folder / CONFIG, config)


def model_folder(path: Path) -> Path:
    """Return the folder that holds the model: `path`, or `path/model` when `path` is what --out named."""
    return path / "model" if (path / "model" / CONFIG).exists() else path


def load_saved_model(path: Path, device: str = "cpu") -> SavedModel:
    """Read a trained model.

    Raises:
        InputError: no such model, an unfinished one, one of another version, or a damaged one.
    """
    folder = model_folder(path)
    if not (folder / MANIFEST).exists():
        raise InputError(
            f"{folder} holds no {MANIFEST}; expected a model made by 'featurizer pretrain-ica'. Finish or make one."
        )
    config = read_manifest(folder / CONFIG)
    if config.get("model_type") != "ica" or config.get("format_version") != FORMAT_VERSION:
        raise InputError(
            f"{folder / CONFIG} is of {config.get('model_type')} format {config.get('format_version')}; this version "
            f"reads ica format {FORMAT_VERSION}. Use the version that made it, or train again."
        )
    try:
        model = IcaModel(
            Shapes(**_section(config, "shapes")),
            Architecture.model_validate(_section(config, "architecture")),
            _pool(config["pool"]),
        )
        heads = Heads(model, words=int(str(config["words"])), codes=int(str(config["codes"])))
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
    specs, terms = (config["image_tokens"], config["text_tokens"]), config.get("terms", {})
    assert isinstance(specs[0], dict)
    assert isinstance(specs[1], dict)
    assert isinstance(terms, dict)
    return SavedModel(model, heads, str(config["vision"]), str(config["text"]), specs[0], specs[1], terms)


def _section(config: Mapping[str, Json], name: str) -> dict[str, int]:
    section = config[name]
    if not isinstance(section, dict):
        raise ValueError(f"'{name}' is no object")
    return {key: int(str(value)) for key, value in section.items()}


def _pool(value: Json) -> Pool:
    if value == "mean":
        return "mean"
    if value == "cls":
        return "cls"
    raise ValueError(f"unknown pooling {value}")
