"""The notebook of the tutorial runs from its first cell to its last, in a kernel as Jupyter starts it."""

from pathlib import Path

import nbformat
from nbclient import NotebookClient

FILE = Path(__file__).resolve().parents[1] / "docs" / "tutorial.ipynb"


def test_the_notebook_runs_and_shows_what_it_says(home, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(FILE.parents[1]))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    notebook = nbformat.read(FILE, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells)  # kept small: nothing of one machine is in it
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [str(cell.outputs) for cell in notebook.cells if cell.cell_type == "code"]
    answered = (
        "JP-2026-02-08-GE",
        "SIMULATED",
        "entry_price",
        "image/png",
        "5 observations",
        "total_return",
        "polyline",
        "hold",
    )
    assert [(n, text) for n, (text, out) in enumerate(zip(answered, shown, strict=True)) if text not in out] == []
    assert len(list(tmp_path.glob("runs"))) == 0
