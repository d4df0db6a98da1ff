"""The step `publish`: a feature set or a model onto the Hub; a dry run unless it is told otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import model_validator

from featurizer.errors import InputError
from featurizer.operations.operation import Outcome, Reads, Target, Work

if TYPE_CHECKING:
    from featurizer.release.plan import Plan
    from featurizer.release.publish import Published


class Publish(Work):
    """What `featurizer publish` is told."""

    rewrites: ClassVar[bool] = True

    of: Annotated[Path, Reads(("features", "model"), card=True)]
    """The feature set or the model."""
    repo: str
    """The repository, ORG/NAME."""
    dry_run: bool = True
    """Say what would go there; no token, no network, nothing written."""
    private: bool = False
    """Only for its owners' eyes."""
    branch: str = "main"
    """Made if it is not there."""
    tag: str | None = None
    """Given to what is published."""
    collection: str | None = None
    """By its title."""
    catalog: Annotated[Path | None, Reads(("catalog",))] = None
    """The catalog, to publish its pictures too; needs an open license."""
    with_users: bool = False
    """Of a model, publish users and what they used too."""
    check: bool = True
    """Download what was published and compare."""

    @model_validator(mode="after")
    def _check(self) -> Publish:
        if self.catalog is not None and self.with_users:
            raise InputError("catalog is for feature sets, with_users for models; leave one of the two out")
        return self

    def plan(self) -> Plan:
        """Verify what is to be published and list its files."""
        from featurizer.catalog.store import Catalog
        from featurizer.features.feature_set import FeatureSet
        from featurizer.release.model import is_model, plan_model
        from featurizer.release.plan import plan_set

        if is_model(self.of):
            if self.catalog is not None:
                raise InputError(f"{self.of} is a model; --with-images and catalog are for feature sets")
            return plan_model(self.of, self.repo, with_users=self.with_users)
        if self.with_users:
            raise InputError(f"{self.of} is a feature set; --with-users is for models")
        pictures = Catalog.open(self.catalog) if self.catalog is not None else None
        return plan_set(FeatureSet.open(self.of), self.repo, pictures=pictures)

    def send(self, plan: Plan, to: Target) -> Published:
        """Send what is planned, and compare what arrived where that is asked for."""
        from featurizer.release.hub import connect
        from featurizer.release.publish import PublishOptions, publish

        options = PublishOptions(self.private, self.branch, self.tag, self.collection, self.check)
        return publish(plan, options, connect(), report=to.report)

    def run(self, to: Target) -> Outcome:
        """Publish, or say what would be."""
        plan = self.plan()
        size = f"{len(plan.files)} files, {sum(file.size for file in plan.files) / 1e6:,.1f} MB"
        if self.dry_run:
            return Outcome(f"dry run: {size} would go to {self.repo}")
        done = self.send(plan, to)
        return Outcome(f"{size}: {done.url} at {done.commit[:12]}")
