"""The command `publish`: a feature set or a model onto the Hub."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import model_validator

from featurizer.errors import InputError
from featurizer.operations.operation import Argument, Context, Folder, Operation, Outcome, Reads
from featurizer.operations.text import table
from featurizer.results.names import SIGNATURE

if TYPE_CHECKING:
    from featurizer.release.plan import Plan
    from featurizer.release.publish import Published


class Publish(Operation):
    """Verify a feature set or model, publish it on the Hub, and compare what arrived. Run it again after any fault.

    The token comes from HF_TOKEN or 'hf auth login'. Everything is sent, then shown in one commit.

    Example: featurizer publish ./features --repo my-shop/item-features --tag v1
    """

    rewrites: ClassVar[bool] = True
    stated: ClassVar[frozenset[str]] = frozenset({"dry_run"})

    of: Annotated[Folder, Argument("DIR"), Reads(("features", "model"), card=True)]
    """A feature set, or a model's folder."""
    repo: str
    """The repository, ORG/NAME."""
    public: bool = False
    """Make a new repository public; without it, it is private."""
    private: bool = False
    """Refuse a repository that is public."""
    into_existing: bool = False
    """Publish beside files that featurizer did not; they stay."""
    branch: str = "main"
    """Write to this branch; made if it is not there."""
    tag: str | None = None
    """Give what is published this tag, such as v1."""
    collection: str | None = None
    """Put it into the collection of this title."""
    with_images: bool = False
    """Publish the catalog's pictures too; needs an open license."""
    catalog: Annotated[Folder | None, Reads(("catalog",))] = None
    """The catalog, for --with-images."""
    with_users: bool = False
    """Of a model, publish users and what they used too."""
    benchmark: str | None = None
    """Of a model, the Hub's data set that its test results are of, ORG/NAME[@REVISION]."""
    check: bool = True
    """Download what was published and compare."""
    sign: Path | None = None
    """Sign all that is published with this Ed25519 private key, a PEM file; 'verify --key' checks it."""
    dry_run: bool = False
    """List files and card; no token, no network, nothing sent."""

    @model_validator(mode="after")
    def _check(self) -> Publish:
        if self.with_images != (self.catalog is not None):
            raise InputError("--with-images and --catalog DIR go together: pictures lie in the catalog")
        if self.public and self.private:
            raise InputError("--public and --private are both given; leave one of the two out")
        if self.with_images and self.sign is not None:
            raise InputError(
                "--sign covers what 'pull' brings, and --with-images what it leaves; give one of the two"
            )
        if self.catalog is not None and self.with_users:
            raise InputError("catalog is for feature sets, with_users for models; leave one of the two out")
        return self

    def precheck(self) -> None:
        """Refuse what is no repository's name."""
        from featurizer.release.plan import check_repo

        check_repo(self.repo)

    def state(self) -> Path | None:
        """Return the file in the folder that is published."""
        from featurizer.results.state import state_file

        return state_file(self.of, f"publish-{self.repo.replace('/', '--')}")

    def writes(self) -> tuple[Path, ...]:
        """Return the folder, into which the card is written again before it is sent."""
        return () if self.dry_run else (self.of,)

    def run(self, context: Context) -> Outcome[Plan | Published]:
        """Publish, or say what would be."""
        from featurizer.release.scan import exposed

        plan = self._signed(self._plan())
        if self.sign is None and (self.of / SIGNATURE).exists():
            context.say(
                f"{SIGNATURE} is not sent: the card names the repository now, and was not signed so; --sign KEY signs "
                "what is sent"
            )
        size = f"{len(plan.files)} files, {sum(file.size for file in plan.files) / 1e6:,.1f} MB"
        found = exposed(plan)
        if self.dry_run:
            return _planned(plan, size, found)
        if found:
            more = f" and {len(found) - 3} more" if len(found) > 3 else ""
            raise InputError(
                f"{self.of} would give away what is nobody else's: {'; '.join(found[:3])}{more}. Take it out of "
                "where it comes from and make the folder again; --dry-run lists all of it. Nothing was sent"
            )
        from featurizer.release.hub import connect
        from featurizer.release.publish import publish

        done = publish(
            plan,
            connect(),
            public=self.public,
            private=self.private,
            into_existing=self.into_existing,
            branch=self.branch,
            tag=self.tag,
            collection=self.collection,
            check=self.check,
            report=context.report,
        )
        return self._sent(done, size)

    def _plan(self) -> Plan:
        """Verify what is to be published and list its files."""
        from featurizer.catalog.store import Catalog
        from featurizer.features.feature_set import FeatureSet
        from featurizer.release.model import is_model, plan_model
        from featurizer.release.plan import plan_set

        if is_model(self.of):
            if self.catalog is not None:
                raise InputError(f"{self.of} is a model; --with-images and catalog are for feature sets")
            return plan_model(self.of, self.repo, with_users=self.with_users, benchmark=self.benchmark)
        for name, given in (("--with-users", self.with_users), ("--benchmark", self.benchmark)):
            if given:
                raise InputError(f"{self.of} is a feature set; {name} is for models")
        pictures = Catalog.open(self.catalog) if self.catalog is not None else None
        return plan_set(FeatureSet.open(self.of), self.repo, pictures=pictures)

    def _signed(self, plan: Plan) -> Plan:
        if self.sign is None:
            return plan
        from featurizer.release.signing import signed_plan

        return signed_plan(plan, self.sign)

    def _sent(self, done: Published, size: str) -> Outcome[Plan | Published]:
        told = {name: getattr(done, name) for name in ("commit", "url", "checked", "collection")}
        lists = {name: list(getattr(done, name)) for name in ("uploaded", "skipped", "removed")}
        lines = [
            f"{done.url} at {done.commit}",
            f"  {len(done.uploaded)} files sent, {len(done.skipped)} there already, {len(done.removed)} removed",
        ]
        if done.checked:
            lines.append(f"  {done.checked} files downloaded again: all as sent")
        return Outcome(
            done,
            f"{size}: {done.url} at {done.commit[:12]}",
            "\n".join(lines),
            {"repo": self.repo, "branch": self.branch, "tag": self.tag, **told, **lists},
            advice=(
                f"Get it back with: featurizer pull {self.repo} --revision {self.tag or done.commit} --out DIR",
            ),
        )


def _planned(plan: Plan, size: str, exposed: Sequence[str]) -> Outcome[Plan | Published]:
    files = [{"path": file.path, "bytes": file.size, "sha256": file.sha256} for file in plan.files]
    listed = table(
        ["file", "bytes", "sha256"], [[file.path, file.size, file.sha256[:12]] for file in plan.files]
    )
    total = sum(file.size for file in plan.files)
    return Outcome(
        plan,
        f"dry run: {size} would go to {plan.repo}",
        f"{plan.repo} ({plan.repo_type}): {plan.title}; {total:,} bytes\n{listed}\n\n{plan.card}",
        {"repo": plan.repo, "files": files, "card": plan.card, "exposed": list(exposed)},
        advice=("A dry run: nothing was sent. The same command without --dry-run publishes this.",),
        warnings=tuple(f"would be refused: {one}" for one in exposed),
    )
