"""`featurizer inspect`: what is in a feature set or a catalog."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from featurizer.cli.console import result, result_json, table
from featurizer.errors import InputError

if TYPE_CHECKING:
    from featurizer.catalog.store import Catalog
    from featurizer.features.feature_set import FeatureSet
    from featurizer.features.inspect import Neighbor


def inspect(
    path: Annotated[Path, typer.Argument(help="A feature set or a catalog.", metavar="DIR")],
    neighbors: Annotated[
        str | None, typer.Option(metavar="ITEM_ID", help="List the nearest items of this one, by space.")
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many neighbors.")] = 10,
    label: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Leave-one-out 1-NN accuracy on a catalog column.")
    ] = None,
    catalog: Annotated[
        Path | None, typer.Option(help="The catalog with that column, and with titles.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show schema, spaces, coverage, failures, odd vectors and provenance; neighbors and label accuracy on request.

    Example: featurizer inspect ./features --label subCategory --catalog ./catalog
    """
    from featurizer.features.inspect import is_feature_set

    if not path.is_dir():
        raise InputError(
            f"{path} is no folder; expected what 'featurizer extract' or 'featurizer ingest' wrote"
        )
    if not is_feature_set(path) and (path / "catalog.json").exists():
        from featurizer.catalog.store import Catalog

        if label is not None or neighbors is not None:
            raise InputError(
                f"{path} is a catalog, which has no vectors; --label and --neighbors need a feature set"
            )
        _catalog(Catalog.open(path), as_json=as_json)
        return
    if label is not None and catalog is None:
        raise InputError(f"--label {label} needs --catalog DIR, the catalog that has this column")
    _feature_set(path, neighbors, k, label, catalog, as_json=as_json)


def _catalog(catalog: Catalog, *, as_json: bool) -> None:
    shown = {name: value for name, value in catalog.manifest.items() if name != "config"}
    if as_json:
        result_json(shown)
        return
    statuses = catalog.manifest["image_status"]
    assert isinstance(statuses, dict)
    result(f"catalog {catalog.folder}: {catalog.rows:,} items, {catalog.manifest['with_text']:,} with text")
    result(f"columns: {', '.join(catalog.schema.names)}\n")
    result(table(["picture", "items"], list(statuses.items())))
    result("")
    for name in ("source", "text_recipe", "notes", "interactions", "data_sha256"):
        if shown.get(name):
            result(f"{name}: {_plain(shown[name])}")


def _feature_set(
    path: Path, neighbors: str | None, k: int, label: str | None, catalog: Path | None, *, as_json: bool
) -> None:
    from featurizer.catalog.store import Catalog
    from featurizer.features.feature_set import FeatureSet
    from featurizer.features.inspect import label_accuracies, neighbors_of, summarize

    features = FeatureSet.open(path)
    opened = Catalog.open(catalog) if catalog is not None else None
    summaries = summarize(features)
    near = neighbors_of(features, neighbors, k=k) if neighbors is not None else {}
    accuracies = label_accuracies(features, opened, label) if label is not None and opened is not None else {}
    if as_json:
        result_json(
            {
                **{
                    key: value
                    for key, value in features.manifest.items()
                    if key not in ("shards", "config", "spaces")
                },
                "spaces": {name: asdict(summary) for name, summary in summaries.items()},
                "provenance": features.spaces,
                "label_accuracy": {space: asdict(found) for space, found in accuracies.items()},
                "neighbors": {space: [asdict(one) for one in found] for space, found in near.items()},
            }
        )
        return
    _print_summary(features)
    columns = (
        "modality",
        "dim",
        "dtype",
        "null",
        "zero",
        "nonfinite",
        "duplicate",
        "norm_min",
        "norm_mean",
        "norm_max",
    )
    rows = [[name, *(getattr(summary, column) for column in columns)] for name, summary in summaries.items()]
    result(table(["space", *columns], rows))
    _print_provenance(features)
    if label is not None:
        result(
            f"\n{label} of the nearest other item (leave-one-out 1-NN), against always guessing the commonest"
        )
        header = ("items", "labels", "majority", "accuracy")
        rows = [[space, *(getattr(found, name) for name in header)] for space, found in accuracies.items()]
        result(table(["space", *header], rows))
    if neighbors is not None:
        _print_neighbors(near, neighbors, opened)


def _print_summary(features: FeatureSet) -> None:
    manifest = features.manifest
    pictures, texts = (int(str(manifest.get(key, 0))) for key in ("with_image", "with_text"))
    result(
        f"feature set {features.folder}: {features.rows:,} items, {pictures:,} with a picture, {texts:,} with text"
    )
    failures = manifest.get("failures")
    if isinstance(failures, dict) and failures:
        result("\n" + table(["failure", "items"], list(failures.items())))
    result("")


def _print_provenance(features: FeatureSet) -> None:
    result("")
    for name, spec in features.spaces.items():
        result(
            f"{name}: {spec.get('family', '')}:{spec.get('model', '')}, {spec.get('pooling', '')} pooling, "
            f"from {spec.get('source', '?')}, weights {str(spec.get('weight_hash') or 'unknown')[:16]}"
        )
    for name in ("text_recipe", "source", "device", "libraries", "seconds", "fingerprint"):
        if features.manifest.get(name):
            result(f"{name}: {_plain(features.manifest[name])}")


def _print_neighbors(near: dict[str, list[Neighbor]], item_id: str, catalog: Catalog | None) -> None:
    titles: dict[str, str | None] = {}
    if catalog is not None:
        titles = dict(
            zip(catalog.column("item_id").to_pylist(), catalog.column("title").to_pylist(), strict=True)
        )
    for space, found in near.items():
        result(f"\nnearest to {item_id} {titles.get(item_id) or ''} in {space}")
        result(
            table(
                ["item", "cosine", "title"],
                [[one.item_id, one.cosine, titles.get(one.item_id)] for one in found],
            )
        )


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(entry)}" for key, entry in value.items() if entry is not None)
    return str(value)
