"""The step `compare`: trained models in one table, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from featurizer.errors import InputError
from featurizer.operations.operation import Kind, Outcome, Reads, Target, Work
from featurizer.results.files import atomic_path, write_json

if TYPE_CHECKING:
    from featurizer.recsys.compare import Compared, CompareOptions

FILE, TABLE = "comparison.json", "comparison.md"


class Compare(Work):
    """Which models, and by what; the first is what the others are compared with."""

    makes: ClassVar[Mapping[Kind, str]] = {"scores": FILE}
    rewrites: ClassVar[bool] = True

    models: Annotated[tuple[Path, ...], Field(min_length=1), Reads(("model",))]
    """Trained models; each is called like its step."""
    fused: Annotated[tuple[Path, ...], Reads(("model",))] = ()
    """Models whose scores are added for one row more: late fusion of separate item graphs."""
    interactions: Annotated[Path, Reads(("interactions",))]
    """What they were trained on."""
    item_map: Annotated[Path | None, Reads(())] = None
    """CSV or TSV with asin and itemID, when the interactions number the items."""
    metric: Literal["recall", "ndcg", "precision", "map"] = "recall"
    """What is compared."""
    k: Annotated[int, Field(ge=1)] = 20
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

    def run(self, to: Target) -> Outcome:
        """Rank with each model and write the table."""
        from featurizer.recsys.compare import CompareOptions, compare
        from featurizer.scoring.spaces import folder_labels

        folders = list(dict.fromkeys(path.resolve() for path in (*self.models, *self.fused)))
        label = dict(zip(folders, folder_labels(folders), strict=True))
        named = {label[path.resolve()]: [path] for path in self.models}
        if self.fused:
            fused = " and ".join(label[path.resolve()] for path in self.fused)
            named[f"late fusion of {fused}"] = list(self.fused)
        options = CompareOptions(self.metric, self.k, self.split, self.seed)
        rows = compare(named, self.interactions, options, item_map=self.item_map)
        text = _markdown(rows, options)
        with atomic_path(to.out / TABLE) as partial:
            partial.write_text(text, "utf-8")
        write_json(to.out / FILE, {"options": asdict(options), "rows": [asdict(row) for row in rows]})
        best = max(rows, key=lambda row: row.value.mean)
        summary = f"{len(rows)} models; best {self.split} {self.metric}@{self.k}: {best.name}, {best.value.mean:.4f}"
        return Outcome(summary, (to.out / TABLE,), text)


def _markdown(rows: list[Compared], options: CompareOptions) -> str:
    lines = [
        f"| model | {options.split} {options.metric}@{options.k} [95 %] | against {rows[0].name} [95 %] | p (Holm) |",
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
