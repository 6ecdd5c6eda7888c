"""The notebook runs from its first cell to its last, in a kernel of its own."""

from pathlib import Path

import nbclient
import nbformat

NOTEBOOK = Path(__file__).parents[2] / "docs/score_compare_plot.ipynb"


def test_the_notebook_runs(tmp_path):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    # nothing of the machine that it was run on
    assert not any(cell.outputs or cell.execution_count for cell in cells)
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=120, resources=resources).execute()
    _, table, comparison, track = [cell.outputs for cell in cells]
    assert "labels are computed" in table[0].text
    assert table[1].data["text/plain"].count(".wav") == 10
    assert "5 pairs" in comparison[0].text
    for outputs in (comparison, track):
        assert "image/png" in outputs[-1].data
    assert not list(tmp_path.iterdir())
