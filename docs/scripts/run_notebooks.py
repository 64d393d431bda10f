"""Run the notebooks of the documentation and keep what they print, as it is shown on the site.

Run it where the package is installed::

    python docs/scripts/run_notebooks.py
"""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
#: Longest that a cell may take, s.
LONGEST = 540


def run(path: Path) -> nbformat.NotebookNode:
    """Return a notebook with the outputs of all its cells.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell fails.
    """
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=LONGEST, kernel_name="python3")
    client.execute(cwd=str(path.parent))
    for cell in notebook.cells:
        # When each cell ran tells nobody anything, and changes each time.
        cell.metadata.pop("execution", None)
    return notebook


def main() -> None:
    """Run all notebooks."""
    for path in sorted(FOLDER.glob("*.ipynb")):
        nbformat.write(run(path), path)
        print(path)


if __name__ == "__main__":
    main()
