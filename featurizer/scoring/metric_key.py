"""Which figure of a space: what scorers yield, `scores.json` holds, and leaderboards, cards and reports show."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MetricKey:
    """What a figure measures; what does not apply is None.

    Attributes:
        metric: its name, such as `zero_shot_recall`.
        split: `valid` or `test`.
        k: length of the list.
        neighbors: of item-CF.
        group: which users or items; None for all.
        modality: which one was taken from items.
        ratio: from which share of them.
    """

    metric: str
    split: str | None = None
    k: int | None = None
    neighbors: int | None = None
    group: str | None = None
    modality: str | None = None
    ratio: float | None = None

    @property
    def key(self) -> MetricKey:
        """What is measured, without the figure that a subclass adds."""
        return MetricKey(
            self.metric, self.split, self.k, self.neighbors, self.group, self.modality, self.ratio
        )

    @property
    def name(self) -> str:
        """The metric, with what was masked for it: two rows of a table never look the same."""
        share = "" if self.ratio is None else f" for {self.ratio:.0%} of the items"
        return self.metric if self.modality is None else f"{self.metric}, without {self.modality}{share}"

    @property
    def is_headline(self) -> bool:
        """Whether it is of a ranking, over all users, with nothing masked; the area under a mask's curve is."""
        return self.group is None and self.ratio is None and self.k is not None
