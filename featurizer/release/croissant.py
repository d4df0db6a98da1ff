"""`croissant.json`: the set as Croissant 1.1 (MLCommons), validated by mlcroissant as it is made; with provenance."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featurizer.errors import InputError
from featurizer.features.feature_set import FeatureSet
from featurizer.papers import ALIGNREC
from featurizer.release.card import license_of, title_of
from featurizer.release.provenance import PROV, of_set, of_space
from featurizer.results.files import atomic_path
from featurizer.results.names import CROISSANT

if TYPE_CHECKING:
    import mlcroissant

SHARDS = "shards"
CORE = (
    ("item_id", "TEXT", "The item's id in its source."),
    ("has_image", "BOOL", "Whether the item had a picture that could be used."),
    ("has_text", "BOOL", "Whether the item had a text."),
    ("error", "TEXT", "Why a modality could not be used; empty when nothing failed."),
)


def write_croissant(feature_set: FeatureSet, *, repo: str | None = None) -> Path:
    """Write `croissant.json` into the feature set's folder and return its path."""
    path = feature_set.folder / CROISSANT
    with atomic_path(path) as partial:
        partial.write_text(render_croissant(feature_set, repo=repo), "utf-8")
    return path


def render_croissant(feature_set: FeatureSet, *, repo: str | None = None) -> str:
    """Return the metadata as JSON-LD; nothing is written.

    Args:
        feature_set: the set; hashes and sizes are those of its manifest.
        repo: where it is published, ORG/NAME.

    Raises:
        InputError: mlcroissant finds it invalid.
    """
    import mlcroissant

    # It advises a publication date, which would make the same set other bytes each day.
    logging.getLogger("absl").setLevel(logging.ERROR)
    context = mlcroissant.Context(conforms_to="http://mlcommons.org/croissant/1.1")
    try:
        metadata = mlcroissant.Metadata(
            ctx=context,
            name=_name(repo or title_of(feature_set)),
            description=f"{title_of(feature_set)}: {feature_set.rows} items, a vector a space, null where missing.",
            license=[license_of(feature_set) or "unknown"],
            url=f"https://huggingface.co/datasets/{repo}" if repo else None,
            cite_as=ALIGNREC.bibtex,
            version="1.0.0",
            distribution=[*_files(feature_set), _shards(feature_set)],
            record_sets=[_records(feature_set)],
        )
    except mlcroissant.ValidationError as error:
        raise InputError(
            f"the Croissant metadata of {feature_set.folder} does not validate: {error}"
        ) from error
    document = _with_provenance(metadata.to_json(), feature_set)
    return json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n"


def _with_provenance(document: dict[str, Any], feature_set: FeatureSet) -> dict[str, Any]:
    """Add what mlcroissant has no fields for: its validation passes over properties of other vocabularies."""
    origins = {f"items/{name}": of_space(spec) for name, spec in feature_set.spaces.items()}
    records = [
        {**one, "field": [{**field, **origins.get(field["@id"], {})} for field in one["field"]]}
        for one in document["recordSet"]
    ]
    context = {**document["@context"], "prov": PROV}
    return {**document, "@context": context, **of_set(feature_set), "recordSet": records}


def _files(feature_set: FeatureSet) -> list[mlcroissant.FileObject]:
    import mlcroissant

    return [
        mlcroissant.FileObject(
            id=shard.path,
            name=shard.path,
            content_url=shard.path,
            content_size=f"{shard.bytes} B",
            encoding_formats=["application/x-parquet"],
            sha256=shard.sha256,
        )
        for shard in feature_set.manifest.shards
    ]


def _shards(feature_set: FeatureSet) -> mlcroissant.FileSet:
    import mlcroissant

    return mlcroissant.FileSet(
        id=SHARDS,
        name=SHARDS,
        encoding_formats=["application/x-parquet"],
        includes=["data/*.parquet"],
    )


def _records(feature_set: FeatureSet) -> mlcroissant.RecordSet:
    import mlcroissant

    fields = [
        _field(name, getattr(mlcroissant.DataType, kind), description) for name, kind, description in CORE
    ]
    for name, spec in feature_set.spaces.items():
        kind = mlcroissant.DataType.FLOAT16 if spec.dtype == "float16" else mlcroissant.DataType.FLOAT32
        description = f"{spec.encoder} vector of the item's {spec.modality}, null where there is none."
        fields.append(_field(name, kind, description, dim=spec.dim))
    return mlcroissant.RecordSet(id="items", name="items", fields=fields)


def _field(name: str, kind: str, description: str, *, dim: int | None = None) -> mlcroissant.Field:
    import mlcroissant

    shape = {"is_array": True, "array_shape": str(dim)} if dim is not None else {}
    return mlcroissant.Field(
        id=f"items/{name}",
        name=name,
        description=description,
        data_types=[kind],
        source=mlcroissant.Source(file_set=SHARDS, extract=mlcroissant.Extract(column=name)),
        **shape,
    )


def _name(text: str) -> str:
    """Return a name as Croissant takes it: letters, digits, and a few marks."""
    kept = "".join(character if character.isalnum() or character in "-_." else "-" for character in text)
    return kept.strip("-.") or "features"
