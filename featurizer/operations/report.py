"""The command `report`: one page that shows what other commands made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeAlias

from pydantic import Field, model_validator

from featurizer.config import Flag
from featurizer.operations.operation import Argument, Context, Folders, Kind, Made, Operation, Outcome, Reads
from featurizer.records import Json
from featurizer.values import counted

if TYPE_CHECKING:
    from featurizer.report.gather import ReportContent

PAGE = "report.html"
FIGURES = "figures"
Shown: TypeAlias = "tuple[ReportContent, tuple[Path, ...]]"
"""What a page shows, and the figures written beside it."""


class Report(Operation):
    """Show what folders hold on one page: leaderboard, maps, neighbors, curves, failures, provenance.

    The page needs no network and no server. Give the catalog too, for pictures and titles.

    Example: featurizer report ./features ./scores ./catalog --out report.html
    """

    makes: ClassVar[Mapping[Kind, str]] = {"report": PAGE}
    rewrites: ClassVar[bool] = True

    of: Annotated[Folders, Argument("DIR..."), Field(min_length=1), Reads(())]
    """Catalogs, feature sets, scores, trained models, or folders of these."""
    out: Annotated[Path, Flag("--out", "-o")] = Path(PAGE)
    """The page to write."""
    figures: Path | None = None
    """Also write the charts and maps into this folder, as PNG."""
    title: str | None = None
    """The page's title."""
    items: Annotated[int, Field(ge=2, le=65_000)] = 20_000
    """Items on the maps; of more, a sample is shown."""
    max_mb: Annotated[int, Field(ge=1)] = 25
    """Keep the page below so many megabytes."""
    tsne: bool = True
    """Draw t-SNE maps: minutes for many items."""
    seed: int = 0
    """Of samples and maps."""
    labels: Annotated[tuple[str, ...], Flag("--label")] = ()
    """Color the maps by this column of the catalog too."""

    @model_validator(mode="before")
    @classmethod
    def _beside(cls, given: Any) -> Any:  # noqa: ANN401 - whatever a caller passes; validation is what follows
        """Take `figures: true` as the folder `figures` beside the page."""
        if not isinstance(given, Mapping) or not isinstance(given.get("figures"), bool):
            return given
        beside = Path(given.get("out", PAGE)).parent / FIGURES
        return {**given, "figures": beside if given["figures"] else None}

    @classmethod
    def placed(cls, folder: Path) -> dict[str, Json]:
        """Return the page in the folder of a recipe's step."""
        return {"out": str(folder / PAGE)}

    def state(self) -> Path | None:
        """Return the file beside the page."""
        return self.out.with_name(f".{self.out.name}.json")

    def products(self) -> tuple[Path, ...]:
        """Return the page."""
        return (self.out,)

    def run(self, context: Context) -> Outcome[Made[Shown]]:
        """Read the folders and write the page, and the figures where a folder is given for them."""
        from featurizer.report.gather import gather
        from featurizer.report.write import refuse_foreign_page, write_figures, write_report

        refuse_foreign_page(self.out)
        content = gather(
            self.of,
            items=self.items,
            size=self.max_mb * 1_000_000,
            tsne=self.tsne,
            seed=self.seed,
            labels=self.labels,
            report=context.report,
        )
        write_report(content, self.out, title=self.title)
        drawn = write_figures(content, self.figures) if self.figures else []
        return self._outcome(Made(self.out, (content, tuple(drawn))))

    def _outcome(self, page: Made[Shown]) -> Outcome[Made[Shown]]:
        (content, drawn), size = page.about, self.out.stat().st_size
        spaced = counted(len(content.spaces), "space", "spaces")
        shown = counted(len(content.item_ids), "item", "items")
        text = f"{self.out}: {size / 1e6:,.1f} MB; {shown}, {spaced}"
        figures = f", {len(drawn)} figures" if drawn else ""
        return Outcome(
            page,
            f"{size / 1e6:,.1f} MB, {spaced}{figures}",
            text + (f"\n{self.figures}: {len(drawn)} figures" if drawn else ""),
            self._record(page, size),
            (self.out,),
            "\n".join(content.use),
            advice=(
                *(f"note: {note}" for note in content.notes),
                f"Open it in a browser: {self.out.resolve().as_uri()}",
            ),
        )

    def _record(self, page: Made[Shown], size: int) -> dict[str, Json]:
        content, drawn = page.about
        return {
            "out": str(self.out),
            "bytes": size,
            "items": len(content.item_ids),
            "total_items": content.total,
            "spaces": [space.name for space in content.spaces],
            "pictures": len(content.pictures),
            "charts": [chart.slug for chart in content.charts],
            "figures": [str(path) for path in drawn],
            "notes": [*content.notes],
        }
