"""The program: every command is registered here, every error becomes one paragraph and an exit code."""

from __future__ import annotations

import logging
import os
import signal
import sys
from types import FrameType
from typing import Annotated

import typer

import featurizer
from featurizer.cli import (
    card,
    compare,
    datasets,
    diff,
    doctor,
    download,
    encoders,
    export,
    extract,
    import_,
    ingest,
    inspect,
    pretrain_ica,
    publish,
    pull,
    recommend,
    report,
    run,
    score,
    train,
    verify,
)
from featurizer.cli.console import say
from featurizer.errors import FeaturizerError

app = typer.Typer(
    name="featurizer",
    help="Make, judge and publish multimodal item features for recommendation.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)

app.add_typer(datasets.app, name="datasets")
app.command("download")(download.download)
app.command("ingest")(ingest.ingest)
app.add_typer(encoders.app, name="encoders")
app.command("extract")(extract.extract)
app.command("pretrain-ica")(pretrain_ica.pretrain_ica)
app.command("inspect")(inspect.inspect)
app.command("verify")(verify.verify)
app.command("score-features")(score.score_features)
app.command("train")(train.train)
app.command("recommend")(recommend.recommend)
app.command("compare")(compare.compare)
app.command("report")(report.report)
app.command("card")(card.card)
app.command("publish")(publish.publish)
app.command("pull")(pull.pull)
app.command("export")(export.export)
app.command("import")(import_.import_)
app.command("diff")(diff.diff)
app.command("run")(run.run)
app.command("doctor")(doctor.doctor)


def _version(asked: bool) -> None:
    if asked:
        print(f"featurizer {featurizer.__version__}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    verbose: Annotated[
        int,
        typer.Option(
            "--verbose", "-v", count=True, show_default=False, help="Say more; twice for the libraries too."
        ),
    ] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but results and errors.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Make, judge and publish multimodal item features for recommendation.

    The options below stand before the command: featurizer -q extract …. Exit codes: 0 done, 1 an error that says
    what to do, 2 usage, 3 finished with more failures than allowed, 130 interrupted.
    """
    level = logging.ERROR if quiet else (logging.INFO, logging.DEBUG)[min(verbose, 1)]
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("featurizer").setLevel(level)
    for noisy in ("stamina", "httpx2", "httpcore2", "huggingface_hub", "datasets", "fsspec"):
        logging.getLogger(noisy).setLevel(level if verbose > 1 else logging.ERROR)
    os.environ["FEATURIZER_DEBUG"] = "1" if debug else ""
    os.environ["FEATURIZER_QUIET"] = "1" if quiet else ""


def main() -> None:
    """Run the program: exit 0 done, 1 an error a person can act on, 2 usage, 3 failures above the limit."""
    signal.signal(signal.SIGINT, _interrupt)
    try:
        app()
    except FeaturizerError as error:
        _fail(str(error), error)
    except _Interrupted as error:
        _fail("interrupted; what is finished is kept. Run the same command again to go on.", error, code=130)
    except OSError as error:
        _fail(
            f"{error.strerror or error}: {error.filename or 'a file'}. Check the path and its permissions.",
            error,
        )


class _Interrupted(BaseException):
    """Ctrl-C; the command framework would swallow a KeyboardInterrupt and its message."""


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise _Interrupted


def _fail(message: str, error: BaseException, code: int = 1) -> None:
    if os.environ.get("FEATURIZER_DEBUG"):
        raise error
    say(f"error: {message}", always=True)
    sys.exit(code)
