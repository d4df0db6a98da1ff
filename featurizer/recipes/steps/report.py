"""The step `report`: one page that shows what the steps above made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from featurizer.recipes.work import Kind, Outcome, Reads, Target, Work


class MakeReport(Work):
    """What `featurizer report` is told."""

    makes: ClassVar[Mapping[Kind, str]] = {"report": "report.html"}
    rewrites: ClassVar[bool] = True

    of: Annotated[tuple[Path, ...], Field(min_length=1), Reads(())]
    """Catalogue, feature sets, scores, models."""
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
    """Columns of the catalogue that the maps can be coloured by too."""

    def run(self, to: Target) -> Outcome:
        """Read the folders and write the page."""
        from featurizer.report.make import ReportOptions, gather, write_figures, write_report

        options = ReportOptions(
            self.title, self.items, self.max_mb * 1_000_000, self.tsne, self.seed, self.labels
        )
        page = to.out / self.makes["report"]
        shown = gather(list(self.of), options, to.report)
        page.parent.mkdir(parents=True, exist_ok=True)
        write_report(shown, page, options)
        drawn = write_figures(shown, to.out / "figures") if self.figures else []
        figures = f", {len(drawn)} figures" if drawn else ""
        return Outcome(f"{page.stat().st_size / 1e6:,.1f} MB, {len(shown.spaces)} spaces{figures}", (page,))
