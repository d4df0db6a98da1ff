"""A paper, as whoever rests on it cites it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paper:
    """One entry of a bibliography."""

    key: str
    title: str
    authors: str
    year: int
    where: str

    @property
    def bibtex(self) -> str:
        """The entry as BibTeX."""
        return (
            f"@inproceedings{{{self.key},\n  title = {{{{{self.title}}}}},\n  author = {{{self.authors}}},\n"
            f"  booktitle = {{{self.where}}},\n  year = {{{self.year}}}\n}}"
        )


ALIGNREC = Paper(
    "liu2024alignrec",
    "AlignRec: Aligning and Training in Multimodal Recommendations",
    "Liu, Yifan and Zhang, Kangning and Ren, Xiangyuan and Huang, Yanhua and Jin, Jiarui and Qin, Yingjie and "
    "Su, Ruilong and Xu, Ruiwen and Yu, Yong and Zhang, Weinan",
    2024,
    "CIKM",
)
"""The method that this project builds; its two stages stand in different rooms."""
