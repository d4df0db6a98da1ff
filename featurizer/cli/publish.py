"""`featurizer publish`: a feature set or a model onto the Hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from featurizer.cli.console import progress, result, result_json, say, table
from featurizer.errors import InputError

if TYPE_CHECKING:
    from featurizer.release.plan import Plan


def publish(
    path: Annotated[Path, typer.Argument(help="A feature set, or a model's folder.", metavar="DIR")],
    repo: Annotated[str, typer.Option(help="The repository, ORG/NAME.")],
    private: Annotated[bool, typer.Option("--private", help="Only for its owners' eyes.")] = False,
    branch: Annotated[str, typer.Option(help="Write to this branch; made if it is not there.")] = "main",
    tag: Annotated[str | None, typer.Option(help="Give what is published this tag, such as v1.")] = None,
    collection: Annotated[str | None, typer.Option(help="Put it into the collection of this title.")] = None,
    with_images: Annotated[
        bool,
        typer.Option("--with-images", help="Publish the catalog's pictures too; needs an open license."),
    ] = False,
    catalog: Annotated[Path | None, typer.Option(help="The catalog, for --with-images.")] = None,
    with_users: Annotated[
        bool, typer.Option("--with-users", help="Of a model, publish users and what they used too.")
    ] = False,
    check: Annotated[bool, typer.Option(help="Download what was published and compare.")] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List files and card; no token, no network, nothing written.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Verify a feature set or model, publish it on the Hub, and compare what arrived. Run it again after any fault.

    The token comes from HF_TOKEN or 'hf auth login'. Data goes first, card and manifest last.

    Example: featurizer publish ./features --repo my-shop/item-features --tag v1
    """
    if with_images != (catalog is not None):
        raise InputError("--with-images and --catalog DIR go together: pictures lie in the catalog")
    from featurizer.operations.operation import Target, work_of
    from featurizer.operations.publish import Publish

    work = work_of(
        Publish,
        of=path,
        repo=repo,
        private=private,
        branch=branch,
        tag=tag,
        collection=collection,
        catalog=catalog,
        with_users=with_users,
        check=check,
    )
    plan = work.plan()
    if dry_run:
        _show(plan, as_json=as_json)
        say("A dry run: nothing was sent. The same command without --dry-run publishes this.")
        return
    with progress() as report:
        done = work.send(plan, Target(path, report=report))
    if as_json:
        told = {name: getattr(done, name) for name in ("commit", "url", "checked", "collection")}
        lists = {name: list(getattr(done, name)) for name in ("uploaded", "skipped", "removed")}
        result_json({"repo": repo, "branch": branch, "tag": tag, **told, **lists})
        return
    result(f"{done.url} at {done.commit}")
    result(
        f"  {len(done.uploaded)} files sent, {len(done.skipped)} there already, {len(done.removed)} removed"
    )
    if done.checked:
        result(f"  {done.checked} files downloaded again: all as sent")
    say(f"Get it back with: featurizer pull {repo} --revision {tag or done.commit} --out DIR")


def _show(plan: Plan, *, as_json: bool) -> None:
    files = [{"path": file.path, "bytes": file.size, "sha256": file.sha256} for file in plan.files]
    if as_json:
        result_json({"repo": plan.repo, "files": files, "card": plan.card})
        return
    result(f"{plan.repo} ({plan.repo_type}): {plan.title}; {sum(file.size for file in plan.files):,} bytes")
    result(
        table(["file", "bytes", "sha256"], [[file.path, file.size, file.sha256[:12]] for file in plan.files])
    )
    result(f"\n{plan.card}")
