"""The command `verify`: is what a folder holds what its manifests say?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, model_validator

from featurizer.config import Flag
from featurizer.errors import InputError
from featurizer.operations.feature_sets import EncoderText
from featurizer.operations.operation import Argument, Context, Folder, Operation, Outcome, Reads

if TYPE_CHECKING:
    from featurizer.results.findings import Findings


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found: `problems`, none where all is as it was written; `notes` say what was believed."""

    folder: Path
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.problems


class Verify(Operation):
    """Check a feature set, catalog, model or scores against its own manifest, hashes and values. Exit 1 on problems.

    With --catalog a feature set is compared with its catalog, with --sample some items are encoded again.

    Example: featurizer verify ./features --catalog ./catalog --sample 20
    """

    addresses: ClassVar[frozenset[str]] = frozenset({"path", "catalog"})

    path: Annotated[Folder, Argument("DIR"), Reads(("features", "model", "catalog"))]
    """What a command wrote: a feature set, a catalog, a model, scores."""
    catalog: Annotated[Folder | None, Reads(("catalog",))] = None
    """The catalog it was made from: ids and pictures are checked too; needed by --sample."""
    sample: Annotated[int, Field(ge=0)] = 0
    """Encode so many items again and compare."""
    encoders: Annotated[tuple[EncoderText, ...], Flag("--encoder", "-e")] = ()
    """An encoder with its folder, for --sample, where the folder lies elsewhere now."""
    trust_remote_code: tuple[str, ...] = ()
    """Run the code of its own that an encoder's repository holds, for --sample: REPO@COMMIT, as 'extract' was told."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:I or mps."""
    key: Path | None = None
    """Check the signature of every file with this Ed25519 public key, a PEM file."""
    sign: Path | None = None
    """Sign every file with this Ed25519 private key, a PEM file, where nothing is wrong."""

    @model_validator(mode="after")
    def _check(self) -> Verify:
        if self.sample and self.catalog is None:
            raise InputError("--sample needs --catalog DIR, the catalog that the features were made from")
        if self.sign is not None and self.key is not None:
            raise InputError("--sign writes a signature and --key checks one; give one of the two")
        return self

    def runs_model(self) -> bool:
        """Say whether items are encoded again."""
        return self.sample > 0

    def writes(self) -> tuple[Path, ...]:
        """Return the folder where a signature is written into it."""
        return () if self.sign is None else (self.path,)

    def run(self, context: Context) -> Outcome[Verification]:
        """Look at everything that the manifests say."""
        from featurizer.release.verify import kind_of_folder, verify_folder

        kind = kind_of_folder(self.path)
        signature, found = self._signature(), verify_folder(self.path)
        if self.catalog is not None:
            if kind != "feature set":
                raise InputError(f"{self.path} is a {kind}; --catalog is for feature sets. Leave it out")
            found += self._with_catalog(self.catalog, whole=not found.problems)
        advice = _advice(self.path, found.problems)
        found = signature + found
        if self.sign is not None and not found.problems:
            from featurizer.release.signing import sign_folder

            sign_folder(self.path, kind, self.sign)
        return self._outcome(kind, found, advice)

    def _signature(self) -> Findings:
        from featurizer.release.signing import check_signature
        from featurizer.results.findings import Findings
        from featurizer.results.names import SIGNATURE

        if self.key is not None:
            return Findings.of(check_signature(self.path, self.key))
        unread = self.sign is None and (self.path / SIGNATURE).exists()
        return Findings.of((), [f"{SIGNATURE} is not checked: --key PUBLIC checks it"] if unread else [])

    def _with_catalog(self, folder: Path, *, whole: bool) -> Findings:
        from featurizer.catalog.store import Catalog
        from featurizer.features.against_catalog import against_catalog
        from featurizer.features.encode_again import check_catalog, recorded_encoders, verify_sample
        from featurizer.features.feature_set import FeatureSet
        from featurizer.release.verify import verify_whole_catalog
        from featurizer.results.findings import Findings

        features, catalog = FeatureSet.open(self.path), Catalog.open(folder)
        check_catalog(features, catalog)
        found = verify_whole_catalog(folder).within(str(folder))
        if not whole or found.problems:
            return found
        found += Findings.of(against_catalog(features, catalog))
        if self.sample and not found.problems:
            encoders = recorded_encoders(
                features, device=self.device, named=self.encoders, trusted=self.trust_remote_code
            )
            found += Findings.of(verify_sample(features, catalog, encoders, sample=self.sample))
        return found

    def _sampled(self) -> int:
        from featurizer.features.feature_set import FeatureSet

        return min(self.sample, FeatureSet.open(self.path).rows)

    def _outcome(self, kind: str, found: Findings, advice: str) -> Outcome[Verification]:
        value = Verification(self.path, found.problems, found.notes)
        record = {"ok": value.ok, "kind": kind, "problems": list(found.problems), "notes": list(found.notes)}
        if found.problems:
            count = f"{len(found.problems)} problem{'s' if len(found.problems) > 1 else ''}"
            text = "\n".join([f"{self.path}: {count}", *(f"  {one}" for one in found.problems)])
            return Outcome(value, count, text, record, advice=(advice,), warnings=found.notes, code=1)
        signed = (
            ", signed" if self.sign is not None else ", its signature too" if self.key is not None else ""
        )
        again = f", {self._sampled()} items encoded again and equal" if self.sample else ""
        with_catalog = ", and as its catalog has it" if self.catalog is not None else ""
        summary = f"a {kind}, as its manifest says{with_catalog}{again}{signed}"
        return Outcome(value, summary, f"{self.path}: {summary}", record, warnings=found.notes)


def _advice(folder: Path, problems: Sequence[str]) -> str:
    """Say what to do about problems that are not the signature's; with none, about the signature."""
    from featurizer.release.verify_card import AGAIN

    if not problems:
        return (
            f"Everything is as its manifests say. If what changed since is yours, sign it again: featurizer verify "
            f"{folder} --sign KEY; if not, fetch it again from where it came."
        )
    if all(AGAIN in one for one in problems):
        return "Write it again with 'featurizer card' and the folder that it lies in."
    return "Make it again (the same command with --overwrite), or fetch it again from where it came."
