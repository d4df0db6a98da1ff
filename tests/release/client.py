"""The program in a process of its own, with the real client: one start, many commands.

Reads a token and a command line as JSON a line, answers with exit code, stdout, stderr and the seconds it slept.
Sleeping is told, not done: waits of minutes are part of what is tested.
"""

import contextlib
import io
import json
import os
import signal
import sys
import time
import traceback


def main():
    from featurizer.cli.app import main as program

    slept = []
    time.sleep = slept.append
    signal.signal = lambda *_: None
    for line in sys.stdin:
        out, err = io.StringIO(), io.StringIO()
        slept.clear()
        os.environ["HF_TOKEN"], *arguments = json.loads(line)
        sys.argv = ["featurizer", *arguments]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                program()
                code = 0
            except SystemExit as stopped:
                code = stopped.code or 0
            except Exception:  # noqa: BLE001 - the test that asked is told
                code = -1
                traceback.print_exc()
        answer = {"code": code, "out": out.getvalue(), "err": err.getvalue(), "slept": slept}
        sys.__stdout__.write(json.dumps(answer) + "\n")
        sys.__stdout__.flush()


if __name__ == "__main__":
    main()
