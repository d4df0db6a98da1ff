"""The program, called in this process as a shell would."""

from __future__ import annotations

import sys


def run_program(monkeypatch, capsys, *arguments):
    """Return the exit code, the results and the talk."""
    from featurizer.cli.app import main

    monkeypatch.setattr(sys, "argv", ["featurizer", *map(str, arguments)])
    try:
        main()
        code = 0
    except SystemExit as left:
        code = left.code or 0
    return code, *capsys.readouterr()
