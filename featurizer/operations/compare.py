"""The command `compare`: trained models in one table, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, TypeAdapter, model_validator

from featurizer.config import Flag
from featurizer.errors import InputError
from featurizer.operations.operation import (
    Argument,
    Context,
    FolderOperation,
    Folders,
    InteractionsPath,
    Kind,
    Made,
    Outcome,
    Reads,
)
from featurizer.results.files import atomic_path, read_json, write_json
from featurizer.results.stage import refuse_foreign

if TYPE_CHECKING:
    from featurizer.records import Json
    from featurizer.recsys.compare import Compared

FILE, TABLE = "comparison.json", "comparison.md"


class Compare(FolderOperation[Made["list[Compared]"]]):
    """Compare trained models user by user: intervals, and whether each differs from the first.

    Of a training with several seeds its kept model counts, the best on validation: intervals and p are over users,
    not over seeds.

    Example: featurizer compare ./alignrec ./lightgcn -i ./catalog/interactions.parquet --out ./comparison
    """

    makes: ClassVar[Mapping[Kind, str]] = {"scores": FILE}
    rewrites: ClassVar[bool] = True

    models: Annotated[Folders, Argument("MODELS..."), Field(min_length=1), Reads(("model",))]
    """Folders made by 'featurizer train'; the first is the yardstick."""
    fused: Annotated[Folders, Reads(("model",))] = ()
    """A model whose scores are added to the others' named so: one row more, late fusion."""
    interactions: Annotated[InteractionsPath, Flag("-i"), Reads(("interactions",))]
    """What they were trained on: .parquet, .csv, .tsv or .inter."""
    item_map: Annotated[Path | None, Reads(())] = None
    """CSV or TSV with asin and itemID, when the interactions number the items."""
    metric: Literal["recall", "ndcg", "precision", "map"] = "recall"
    """What is compared."""
    k: Annotated[int, Field(ge=1), Flag("-k")] = 20
    """Length of the list."""
    split: Literal["valid", "test"] = "test"
    """Whose positives are ranked for."""
    seed: int = 0
    """Of the resamples."""

    @model_validator(mode="after")
    def _check(self) -> Compare:
        if len(self.fused) == 1:
            raise InputError("fused: found one model, expected two or more, or none")
        places = [path.resolve() for path in self.models]
        twice = next((path for at, path in enumerate(places) if path in places[:at]), None)
        if twice is not None:
            raise InputError(f"{twice} is given twice; expected each model once, leave one out")
        return self

    def make(self, context: Context) -> Made[list[Compared]]:
        """Rank with each model and write the table."""
        refuse_foreign(self.out, FILE)
        from featurizer.recsys.compare import compare
        from featurizer.scoring.spaces import folder_labels

        folders = list(dict.fromkeys(path.resolve() for path in (*self.models, *self.fused)))
        label = dict(zip(folders, folder_labels(folders), strict=True))
        named: dict[str, Sequence[Path]] = {label[path.resolve()]: [path] for path in self.models}
        if self.fused:
            fused = " and ".join(label[path.resolve()] for path in self.fused)
            named[f"late fusion of {fused}"] = list(self.fused)
        asked: Mapping[str, Json] = {
            "metric": self.metric,
            "k": self.k,
            "split": self.split,
            "seed": self.seed,
        }
        rows = compare(
            named,
            self.interactions,
            metric=self.metric,
            k=self.k,
            split=self.split,
            seed=self.seed,
            item_map=self.item_map,
        )
        with atomic_path(self.out / TABLE) as partial:
            partial.write_text(self._markdown(rows), "utf-8")
        write_json(self.out / FILE, {"options": dict(asked), "rows": [asdict(row) for row in rows]})
        return Made(self.out, rows)

    def open(self) -> Made[list[Compared]]:
        """Return the rows."""
        from featurizer.recsys.compare import Compared

        rows = TypeAdapter(list[Compared]).validate_python(read_json(self.out / FILE)["rows"])
        return Made(self.out, rows)

    def outcome(self, value: Made[list[Compared]]) -> Outcome[Made[list[Compared]]]:
        """Show the table, and name the best."""
        rows, table = value.about, (self.out / TABLE).read_text("utf-8")
        best = max(rows, key=lambda row: row.value.mean)
        figure = f"{self.split} {self.metric}@{self.k}"
        return Outcome(
            value,
            f"{len(rows)} models; best {figure}: {best.name}, {best.value.mean:.4f}",
            table,
            read_json(self.out / FILE),
            (self.out / TABLE,),
            table,
            advice=(
                f"on {self.split}, intervals over users; the table stands in {self.out / TABLE}, the figures in "
                f"{self.out / FILE}",
            ),
        )

    def _markdown(self, rows: Sequence[Compared]) -> str:
        lines = [
            f"| model | {self.split} {self.metric}@{self.k} [95 %] | against {rows[0].name} [95 %] | p (Holm) |",
            "|---|---|---|---|",
        ]
        for row in rows:
            value = f"{row.value.mean:.4f} [{row.value.low:.4f}, {row.value.high:.4f}]"
            if row.difference is None or row.p_value is None:
                lines.append(f"| {row.name} | {value} | | |")
                continue
            apart = f"{row.difference.mean:+.4f} [{row.difference.low:+.4f}, {row.difference.high:+.4f}]"
            lines.append(f"| {row.name} | {value} | {apart} | {row.p_value:.3g} |")
        return "\n".join(lines) + "\n"
