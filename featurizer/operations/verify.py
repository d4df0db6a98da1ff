"""The command `verify`: is a feature set what its manifest says?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from featurizer.config import Flag
from featurizer.errors import InputError
from featurizer.operations.operation import Argument, Context, Folder, Operation, Outcome, Reads

if TYPE_CHECKING:
    from featurizer.catalog.store import Catalog
    from featurizer.features.feature_set import FeatureSet


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found: `problems`, none where the set is what its manifest says."""

    folder: Path
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.problems


class Verify(Operation):
    """Check shard hashes, schema, row counts and values; with --sample, encode some items again. Exit 1 on problems.

    Example: featurizer verify ./features --catalog ./catalog --sample 20
    """

    path: Annotated[Folder, Argument("FEATURES"), Reads(("features",))]
    """A feature set folder."""
    catalog: Annotated[Folder | None, Reads(("catalog",))] = None
    """The catalog it was made from; needed by --sample."""
    sample: Annotated[int, Field(ge=0)] = 0
    """Encode so many items again and compare."""
    encoders: Annotated[tuple[str, ...], Flag("--encoder", "-e")] = ()
    """An encoder with its folder, for --sample, where the folder lies elsewhere now."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:I or mps."""

    @model_validator(mode="after")
    def _check(self) -> Verify:
        if self.sample and self.catalog is None:
            raise InputError("--sample needs --catalog DIR, the catalog that the features were made from")
        return self

    def run(self, context: Context) -> Outcome[Verification]:
        """Look at everything that the manifest says."""
        from featurizer.catalog.store import Catalog
        from featurizer.features.feature_set import FeatureSet
        from featurizer.features.verify import check_catalog, verify

        features = FeatureSet.open(self.path)
        opened = Catalog.open(self.catalog) if self.catalog is not None else None
        if opened is not None:
            check_catalog(features, opened)
        problems = list(verify(features))
        if self.sample and opened is not None and not problems:
            problems = list(self._encoded_again(features, opened))
        return self._outcome(features, problems)

    def _encoded_again(self, features: FeatureSet, catalog: Catalog) -> list[str]:
        from featurizer.features.verify import recorded_encoders, verify_sample

        encoders = recorded_encoders(features, device=self.device, named=self.encoders)
        return verify_sample(features, catalog, encoders, sample=self.sample)

    def _outcome(self, features: FeatureSet, problems: list[str]) -> Outcome[Verification]:
        found = Verification(self.path, tuple(problems))
        record = {"ok": found.ok, "problems": problems}
        if problems:
            text = "\n".join([f"{self.path}: {len(problems)} problems", *(f"  {one}" for one in problems)])
            advice = "Make the set again ('featurizer extract … --overwrite'), or fetch it again from where it came."
            return Outcome(found, f"{len(problems)} problems", text, record, advice=(advice,), code=1)
        again = f", {min(self.sample, features.rows)} items encoded again and equal" if self.sample else ""
        summary = f"{features.rows:,} rows in {len(features.shards)} shards are as the manifest says{again}"
        return Outcome(found, summary, f"{self.path}: {summary}", record)
