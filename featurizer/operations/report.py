"""The step `report`: one page that shows what the steps above made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from featurizer.operations.operation import Kind, Outcome, Reads, Target, Work
from featurizer.progress import Report

if TYPE_CHECKING:
    from featurizer.report.gather import ReportContent


class MakeReport(Work):
    """What `featurizer report` is told."""

    makes: ClassVar[Mapping[Kind, str]] = {"report": "report.html"}
    rewrites: ClassVar[bool] = True

    of: Annotated[tuple[Path, ...], Field(min_length=1), Reads(())]
    """Catalog, feature sets, scores, models."""
    title: str | None = None
    """The page's."""
    figures: bool = False
    """Also write the charts and maps as PNG, into `figures/` beside the page."""
    items: Annotated[int, Field(ge=2, le=65_000)] = 20_000
    """Items on the maps; of more, a sample is shown."""
    max_mb: Annotated[int, Field(ge=1)] = 25
    """Keep the page below so many megabytes."""
    tsne: bool = True
    """Draw t-SNE maps: minutes for many items."""
    seed: int = 0
    """Of samples and maps."""
    labels: tuple[str, ...] = ()
    """Columns of the catalog that the maps can be colored by too."""

    def write(self, page: Path, figures: Path | None, report: Report) -> tuple[ReportContent, list[Path]]:
        """Read the folders and write the page, and the figures where a folder is given for them."""
        from featurizer.report.gather import ReportOptions, gather
        from featurizer.report.write import write_figures, write_report

        options = ReportOptions(
            self.title, self.items, self.max_mb * 1_000_000, self.tsne, self.seed, self.labels
        )
        shown = gather(self.of, options, report)
        write_report(shown, page, options)
        return shown, write_figures(shown, figures) if figures else []

    def run(self, to: Target) -> Outcome:
        """Write the page into the step's folder."""
        page = to.out / self.makes["report"]
        shown, drawn = self.write(page, to.out / "figures" if self.figures else None, to.report)
        figures = f", {len(drawn)} figures" if drawn else ""
        return Outcome(f"{page.stat().st_size / 1e6:,.1f} MB, {len(shown.spaces)} spaces{figures}", (page,))
