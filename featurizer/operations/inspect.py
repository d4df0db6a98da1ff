"""The command `inspect`: what is in a feature set or a catalog."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, TypeAlias

from pydantic import Field

from featurizer.catalog.column_names import told_mapping
from featurizer.config import Flag
from featurizer.errors import InputError
from featurizer.operations.catalogs import several_line, unused_columns
from featurizer.operations.failing_items import failing_items, failing_pictures
from featurizer.operations.failing_items import lines as failing_lines
from featurizer.operations.failing_items import record as failing_record
from featurizer.operations.operation import Argument, Context, Folder, Operation, Outcome, Reads
from featurizer.operations.text import plain, table

if TYPE_CHECKING:
    from featurizer.catalog.store import Catalog
    from featurizer.features.feature_set import FeatureSet
    from featurizer.features.inspect import LabelAccuracy, Neighbor, SpaceSummary

COLUMNS = (
    "modality", "dim", "dtype", "null", "zero", "nonfinite", "duplicate", "norm_min", "norm_mean", "norm_max",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is in a feature set.

    Attributes:
        features: the set.
        spaces: each space in numbers.
        neighbors: the nearest items of the item that was asked for, by space.
        label_accuracy: by space, where a label was asked for.
    """

    features: FeatureSet
    spaces: Mapping[str, SpaceSummary]
    neighbors: Mapping[str, list[Neighbor]]
    label_accuracy: Mapping[str, LabelAccuracy]


Inspected: TypeAlias = "Inspection | Catalog"


class Inspect(Operation):
    """Show schema, spaces, coverage, failures, odd vectors and provenance; neighbors and label accuracy on request.

    Example: featurizer inspect ./features --label subCategory --catalog ./catalog
    """

    addresses: ClassVar[frozenset[str]] = frozenset({"path", "catalog"})

    path: Annotated[Folder, Argument("DIR"), Reads(("features", "catalog"))]
    """A feature set or a catalog."""
    neighbors: str | None = None
    """List the nearest items of this one, by space."""
    k: Annotated[int, Field(ge=1), Flag("-k")] = 10
    """How many neighbors."""
    failures: bool = False
    """List every item of which something failed, by its reason."""
    label: str | None = None
    """Leave-one-out 1-NN accuracy on this column of the catalog."""
    catalog: Annotated[Folder | None, Reads(("catalog",))] = None
    """The catalog with that column, and with titles."""

    def run(self, context: Context) -> Outcome[Inspected]:
        """Look inside."""
        from featurizer.catalog.store import Catalog
        from featurizer.features.inspect import is_feature_set
        from featurizer.results.names import CATALOG

        if not self.path.is_dir():
            raise InputError(
                f"{self.path} is no folder; expected what 'featurizer extract' or 'featurizer ingest' wrote"
            )
        if not is_feature_set(self.path) and (self.path / CATALOG).exists():
            if self.label is not None or self.neighbors is not None:
                raise InputError(
                    f"{self.path} is a catalog, which has no vectors; --label and --neighbors need a feature set"
                )
            return _catalog(Catalog.open(self.path), failures=self.failures)
        if self.label is not None and self.catalog is None:
            raise InputError(f"--label {self.label} needs --catalog DIR, the catalog that has this column")
        return self._feature_set()

    def _feature_set(self) -> Outcome[Inspected]:
        from featurizer.catalog.store import Catalog
        from featurizer.features.feature_set import FeatureSet
        from featurizer.features.inspect import label_accuracies, neighbors_of, summarize

        features = FeatureSet.open(self.path)
        opened = Catalog.open(self.catalog) if self.catalog is not None else None
        labeled = self.label is not None and opened is not None
        found = Inspection(
            features,
            summarize(features),
            neighbors_of(features, self.neighbors, k=self.k) if self.neighbors is not None else {},
            label_accuracies(features, opened, self.label) if labeled and opened and self.label else {},
        )
        lines = [*_summary(features), _spaces(found), "", *_provenance(features)]
        if self.label is not None:
            lines += _accuracies(found, self.label)
        if self.neighbors is not None:
            lines += _neighbors(found, self.neighbors, opened)
        record = _record(found)
        if self.failures:
            failing = failing_items(features)
            lines += failing_lines(failing, "item")
            record |= {"failing": failing_record(failing)}
        return Outcome(found, f"{features.rows:,} items", "\n".join(lines), record)


def _catalog(catalog: Catalog, *, failures: bool) -> Outcome[Inspected]:
    from featurizer.catalog.stored_pictures import pictures_an_item

    shown = {name: value for name, value in catalog.manifest.document().items() if name != "config"}
    statuses = catalog.manifest.image_status
    lines = [
        f"catalog {catalog.folder}: {catalog.rows:,} items, {catalog.manifest.with_text:,} with text",
        f"columns: {', '.join(catalog.schema.names)}",
        *([told_mapping(mapping, unused_columns(catalog))] if (mapping := catalog.manifest.mapping) else []),
        "",
        table(["picture", "items"], list(statuses.items())),
        "",
    ]
    if (several := catalog.manifest.images) is not None:
        counts = pictures_an_item(catalog)
        shown["pictures_an_item"] = {str(pictures): items for pictures, items in counts}
        lines += [several_line(several), table(["pictures", "items"], counts), ""]
    kept = ("source", "text_recipe", "notes", "interactions", "data_sha256")
    lines += [f"{name}: {plain(shown[name])}" for name in kept if shown.get(name)]
    if failures:
        failing = failing_pictures(catalog)
        lines += failing_lines(failing, "picture")
        shown["failing"] = failing_record(failing)
    return Outcome(catalog, f"{catalog.rows:,} items", "\n".join(lines), shown)


def _record(found: Inspection) -> dict[str, object]:
    manifest = found.features.manifest.document()
    return {
        **{key: value for key, value in manifest.items() if key not in ("shards", "config", "spaces")},
        "spaces": {name: asdict(summary) for name, summary in found.spaces.items()},
        "provenance": manifest["spaces"],
        "label_accuracy": {space: asdict(one) for space, one in found.label_accuracy.items()},
        "neighbors": {space: [asdict(one) for one in near] for space, near in found.neighbors.items()},
    }


def _summary(features: FeatureSet) -> Iterator[str]:
    from featurizer.features.losses import text_losses

    manifest = features.manifest
    pictures, texts = manifest.with_image, manifest.with_text
    yield (
        f"feature set {features.folder}: {features.rows:,} items, {pictures:,} with a picture, {texts:,} with text"
    )
    if manifest.failures:
        yield "\n" + table(["failure", "items"], list(manifest.failures.items()))
    losses = list(text_losses(features))
    if losses:
        yield "\n" + "\n".join(losses)
    yield ""


def _spaces(found: Inspection) -> str:
    rows = [
        [name, *(getattr(summary, column) for column in COLUMNS)] for name, summary in found.spaces.items()
    ]
    return table(["space", *COLUMNS], rows)


def _provenance(features: FeatureSet) -> Iterator[str]:
    said = features.manifest.document()
    for name, spec in features.spaces.items():
        yield (
            f"{name}: {spec.family or ''}:{spec.model or ''}, {spec.pooling or ''} pooling, "
            f"from {spec.source or '?'}, weights {(spec.weight_hash or 'unknown')[:16]}"
        )
    for name in ("text_recipe", "source", "device", "libraries", "seconds", "fingerprint"):
        if said.get(name):
            yield f"{name}: {plain(said[name])}"


def _accuracies(found: Inspection, label: str) -> Iterator[str]:
    from featurizer.catalog.label_in_text import MOST, NOTE, marked

    yield f"\n{label} of the nearest other item (leave-one-out 1-NN), against always guessing the commonest"
    header = ("items", "labels", "majority", "accuracy", "label in text")
    rows = []
    for space, one in found.label_accuracy.items():
        figure = marked(f"{one.accuracy:.4g}", found.spaces[space].modality, one.in_text or 0.0)
        share = None if one.in_text is None else f"{one.in_text:.0%}"
        rows.append([space, one.items, one.labels, one.majority, figure, share])
    yield table(["space", *header], rows)
    if any(one.in_text is not None and one.in_text >= MOST for one in found.label_accuracy.values()):
        yield NOTE


def _neighbors(found: Inspection, item_id: str, catalog: Catalog | None) -> Iterator[str]:
    titles: dict[str, str | None] = {}
    if catalog is not None:
        from featurizer.catalog.titles import titles_of

        shown = {item_id, *(one.item_id for near in found.neighbors.values() for one in near)}
        titles = titles_of(catalog, shown)
    for space in found.spaces:
        near = found.neighbors.get(space)
        if near is None:
            yield f"\n{item_id} has no vector in {space}, or one of zeros: nothing is near it there"
            continue
        yield f"\nnearest to {item_id} {titles.get(item_id) or ''} in {space}"
        rows = [[one.item_id, one.cosine, titles.get(one.item_id)] for one in near]
        yield table(["item", "cosine", "title"], rows)
