"""The command `pull`: a published feature set or model, brought back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from featurizer.operations.feature_sets import look_inside
from featurizer.operations.operation import Argument, Context, FolderOperation, Made, Outcome
from featurizer.results.names import CARD

if TYPE_CHECKING:
    from featurizer.release.pull import Pulled


class Pull(FolderOperation[Made["Pulled"]]):
    """Download what 'publish' put on the Hub, at one commit, and check every file against its manifest.

    Example: featurizer pull my-shop/item-features --revision v1 --out ./features
    """

    repo: Annotated[str, Argument("ORG/NAME")]
    """The repository."""
    revision: str = "main"
    """A branch, tag or commit."""
    model: bool = False
    """It is a model, not a feature set."""

    def state(self) -> Path | None:
        """Return nothing: whether it is still what the Hub has, only the Hub knows."""
        return None

    def make(self, context: Context) -> Made[Pulled]:
        """Fetch what is not there yet."""
        from featurizer.release.hub import connect
        from featurizer.release.pull import pull

        pulled = pull(
            self.repo,
            self.out,
            connect(),
            revision=self.revision,
            model=self.model,
            overwrite=self.overwrite,
            report=context.report,
        )
        return Made(self.out, pulled)

    def open(self) -> Made[Pulled]:
        """Ask the Hub again: a pull is never taken for done."""
        return self.make(Context())

    def outcome(self, value: Made[Pulled]) -> Outcome[Made[Pulled]]:
        """Count what was fetched and what was there."""
        done = value.about
        told = (
            f"{self.repo} at {done.commit}; {len(done.fetched)} files fetched, {len(done.kept)} there already"
        )
        lists = {name: list(getattr(done, name)) for name in ("fetched", "kept", "differing")}
        advice = [] if self.model else [look_inside(self.out)]
        if done.differing:
            others = ", ".join(done.differing)
            advice.insert(
                0, f"left as they are, though the Hub has others: {others}; --overwrite takes the Hub's"
            )
        return Outcome(
            value,
            told,
            f"{self.out}: {told}",
            {"out": str(self.out), "repo": self.repo, "commit": done.commit, **lists},
            (self.out / CARD,),
            advice=tuple(advice),
        )
