"""The notebooks run from the top to the end, in an empty folder."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb"))


def test_there_are_two_and_they_are_kept_without_outputs():
    assert NOTEBOOKS == ["compare-encoders.ipynb", "own-dataframe.ipynb"]
    for name in NOTEBOOKS:
        cells = nbformat.read(FOLDER / name, as_version=4).cells
        assert [
            cell for cell in cells if cell.cell_type == "code" and (cell.outputs or cell.execution_count)
        ] == []


@pytest.mark.slow
@pytest.mark.enable_socket
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs(name, tmp_path):
    book = nbformat.read(FOLDER / name, as_version=4)
    NotebookClient(book, timeout=900, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any("text/html" in output.get("data", {}) for output in shown)
