"""The options of running on a Ray cluster, the same for every command whose work is divided into shards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from featurizer.config import Config
from featurizer.errors import InputError

if TYPE_CHECKING:
    from featurizer.actors import Cluster


class OnCluster(Config):
    """Who makes the shards; their bytes are the same whoever does."""

    engine: Literal["local", "ray"] = "local"
    """Who makes the shards: this process, or workers of a Ray cluster; the bytes are the same."""
    workers: Annotated[int, Field(ge=1)] | None = None
    """With ray: how many processes.  [default: as many as fit]"""
    gpus_per_worker: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """With ray: GPUs of each worker; a fraction where several share one."""
    address: str | None = None
    """With ray: auto, or HOST or HOST:PORT of a cluster.  [default: one of this machine's own, for this run]"""

    @model_validator(mode="after")
    def _check(self) -> OnCluster:
        if self.engine == "local" and (self.address is not None or self.gpus_per_worker or self.workers):
            raise InputError(
                "--workers, --gpus-per-worker and --address are for --engine ray; give that too, or leave them out"
            )
        return self

    def cluster(self) -> Cluster | None:
        """Return where the workers run; None for this process."""
        if self.engine == "local":
            return None
        from featurizer.actors import Cluster

        return Cluster(self.address, self.workers, self.gpus_per_worker)
