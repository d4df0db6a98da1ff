"""`.eval_results/*.yaml`: a model's test results, for the Hub to show beside the model and on a leaderboard."""

from __future__ import annotations

import yaml

from featurizer.errors import InputError
from featurizer.release.plan import PlannedFile, check_repo, made
from featurizer.results.manifests.recommender import RecommenderManifest
from featurizer.results.names import EVALUATION

PROTOCOL = "all items ranked, train items left out; the epoch chosen on validation, the test split read once"
"""What the Hub tells of how a result came about."""


def evaluation_results(manifest: RecommenderManifest, repo: str, benchmark: str) -> PlannedFile:
    """Return the file: an entry a metric of the test split, in the form that huggingface_hub reads.

    Args:
        manifest: the model's.
        repo: where it is published; the source that the entries name.
        benchmark: the data set on the Hub that the results are of, ORG/NAME or ORG/NAME@REVISION.

    Raises:
        InputError: the model has no test results, or the data set's name is none.
    """
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    name, _, revision = benchmark.partition("@")
    check_repo(name)
    results = {
        metric: value for metric, value in (manifest.test or {}).items() if isinstance(value, int | float)
    }
    if not results:
        raise InputError(
            f"{repo}: the model has no results on a test split, and --benchmark {benchmark} is for them; leave it out"
        )
    entries = [
        EvalResultEntry(
            dataset_id=name,
            task_id=metric,
            value=value,
            dataset_revision=revision or None,
            source_url=f"https://huggingface.co/{repo}",
            source_name=f"featurizer {manifest.featurizer_version}",
            notes=f"{manifest.model}: {PROTOCOL}",
        )
        for metric, value in results.items()
    ]
    text = yaml.safe_dump(eval_result_entries_to_yaml(entries), sort_keys=False, allow_unicode=True)
    return made(EVALUATION, text.encode())
