"""What this machine has for a run: libraries, device, threads, disk, the Hub; and what to do where something lacks."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Literal, TypeAlias

from featurizer.catalog.download import default_cache
from featurizer.memory import physical_memory
from featurizer.registry import Extra

State: TypeAlias = Literal["ok", "note", "broken"]

OLDEST = (3, 11)
ROOM = 5_000_000_000
"""Bytes of free disk below which a run may not fit."""
MEMORY = 4_000_000_000
"""Bytes of memory below which encoders may not fit."""
TIMEOUT = 3.0
"""Seconds that the Hub has to answer."""
HUB = "https://huggingface.co"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what.
        state: `ok`; `note`: works, with something to know; `broken`: commands will fail.
        found: what was found.
        advice: what to do; empty where nothing is.
    """

    name: str
    state: State
    found: str
    advice: str = ""


def examine() -> Iterator[Check]:
    """Yield everything that is looked at, in an order that a person reads."""
    looks: tuple[Callable[[], Check], ...] = (
        python, torch, torchvision, device, threads, memory, disk, cache, hub,
    )  # fmt: skip
    for look in looks:
        yield look()
    for extra in extras():
        yield extra_installed(extra)


def python() -> Check:
    """Look at the interpreter."""
    found = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info < OLDEST:
        return Check("python", "broken", found, "Install Python 3.11 or newer")
    return Check("python", "ok", found)


def torch() -> Check:
    """Look at torch, by importing it."""
    try:
        import_module("torch")
    except (ImportError, OSError) as error:
        return Check(
            "torch",
            "broken",
            f"cannot be imported: {error}",
            "Install it again: pip install --force-reinstall torch",
        )
    return Check("torch", "ok", version("torch"))


def torchvision() -> Check:
    """Look whether torchvision fits torch, which it says itself when it is imported."""
    try:
        import_module("torchvision")
    except (ImportError, OSError, RuntimeError) as error:
        told = " ".join(str(error).split())
        return Check(
            "torchvision",
            "broken",
            f"does not fit torch: {told:.120}",
            "Install both from one index: pip install --force-reinstall torch torchvision",
        )
    return Check("torchvision", "ok", version("torchvision"))


def device() -> Check:
    """Look for an accelerator."""
    from featurizer.encoders.device import halves_pay, resolve_device

    try:
        import torch as library

        name = resolve_device("auto")
        if name.startswith("cuda"):
            about = library.cuda.get_device_properties(0)
            return Check("device", "ok", f"{name}: {about.name}, {about.total_memory / 1e9:,.0f} GB")
    except (ImportError, OSError) as error:
        return Check("device", "broken", f"not known: {error}", "Mend torch first")
    if name == "mps":
        return Check("device", "ok", "mps (recommenders train on the CPU)")
    pays = halves_pay(name)
    return Check(
        "device",
        "note",
        f"cpu, {'with' if pays else 'without'} bfloat16 units",
        "Choose small encoders (efficientnet-lite0, minilm), or a machine with a GPU for large ones. "
        + (
            "extract --compute-dtype bfloat16 takes about half of float32's time here"
            if pays
            else "Leave --compute-dtype at float32, which is the fastest here"
        ),
    )


def threads() -> Check:
    """Look at how many threads torch takes, of how many cores."""
    try:
        import torch as library
    except (ImportError, OSError) as error:
        return Check("threads", "broken", f"not known: {error}", "Mend torch first")
    used, cores = (
        library.get_num_threads(),
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
    )
    asked = os.environ.get("OMP_NUM_THREADS")
    found = f"{used} of {cores} cores" + (f", OMP_NUM_THREADS={asked}" if asked else "")
    if used > cores:
        return Check(
            "threads", "note", found, f"Set OMP_NUM_THREADS={cores}: more threads than cores are slower"
        )
    if used < cores and asked:
        return Check("threads", "note", found, "Unset OMP_NUM_THREADS to use every core")
    return Check("threads", "ok", found)


def memory() -> Check:
    """Look at how much memory there is."""
    total = physical_memory()
    if total is None:
        return Check("memory", "note", "not known on this system")
    if total < MEMORY:
        return Check("memory", "note", size(total), "Choose small encoders and a small --batch-size")
    return Check("memory", "ok", size(total))


def disk() -> Check:
    """Look at the folder that results are written into by default."""
    return _room("disk", Path.cwd())


def cache() -> Check:
    """Look at the folder that downloads are kept in."""
    return _room("cache", default_cache(), "Choose another folder with FEATURIZER_CACHE")


def _room(name: str, folder: Path, cure: str = "Write elsewhere with --out") -> Check:
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(there).free
    found = f"{size(free)} free at {folder}"
    if not os.access(there, os.W_OK):
        return Check(name, "note", f"{folder} may not be written", cure)
    if free < ROOM:
        return Check(
            name, "note", found, f"Free some space: pictures and vectors of a data set take gigabytes. {cure}"
        )
    return Check(name, "ok", found)


def hub() -> Check:
    """Ask the Hub for an answer, shortly; without one, everything that needs no download still works."""
    import httpx2

    endpoint = os.environ.get("HF_ENDPOINT", HUB)
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON"):
        return Check("hub", "note", "HF_HUB_OFFLINE is set", "Unset it to fetch encoders and to publish")
    try:
        answer = httpx2.head(endpoint, timeout=TIMEOUT, follow_redirects=True)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return Check(
            "hub", "note", f"{endpoint} does not answer ({type(error).__name__})",
            "The encoders efficientnet-lite0 and minilm, and models in local folders, need no network",
        )  # fmt: skip
    from huggingface_hub import get_token

    token = "a token is there" if get_token() else "no token, which only publishing needs: hf auth login"
    return Check("hub", "ok", f"{endpoint} answers {answer.status_code}; {token}")


def extras() -> list[Extra]:
    """Return the optional dependencies that anything here names, each with all that it brings."""
    from featurizer.catalog.heif import HEIF
    from featurizer.encoders.family import families
    from featurizer.encoders.presets import describe_presets
    from featurizer.release.exchange.format import formats
    from featurizer.tables.sheet import CALAMINE

    named = [HEIF, CALAMINE, *(family.extra for family in families())]
    named += [extra for one in describe_presets() for extra in one.extras] + [one.extra for one in formats()]
    brought: dict[tuple[str, str], tuple[str, ...]] = {}
    for extra in named:
        if extra.name is not None:
            key = (extra.name, extra.package)
            brought[key] = tuple(dict.fromkeys([*brought.get(key, ()), *extra.modules]))
    return [Extra(brought[name, package], name, package) for name, package in sorted(brought)]


def extra_installed(extra: Extra) -> Check:
    """Look whether an optional dependency is installed; nothing of it is imported."""
    if not extra.installed:
        return Check(f"extra {extra.name}", "note", "not installed", f"If you want it: {extra.pip_line}")
    return Check(f"extra {extra.name}", "ok", "installed")


def size(number: int) -> str:
    """Return bytes as a person says them."""
    return f"{number / 1e9:,.1f} GB"
