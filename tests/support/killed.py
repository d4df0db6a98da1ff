"""What a process leaves that is killed while it writes a file."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import os, signal, sys
from pathlib import Path
from featurizer.results.files import atomic_path
with atomic_path(Path(sys.argv[1])) as partial:
    partial.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def killed_while_writing(path: Path) -> None:
    """Leave of `path` what a killed process leaves: its half-written file under another name."""
    assert subprocess.run([sys.executable, "-c", SCRIPT, str(path)], check=False).returncode == -9
