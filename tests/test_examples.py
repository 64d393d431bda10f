"""Examples of the documentation, run: code on pages, notebooks, docstrings of public names."""

from __future__ import annotations

import doctest
import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import napari_leukocyte as nl

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
#: The public modules, whose `__all__` lists the public names.
PUBLIC = (nl, nl.sessions, nl.formats, nl.datasets)
#: Marked "python"; what is marked "py" needs files or libraries that are not here.
_BLOCK = re.compile(r"^```python\n(.*?)^```", re.M | re.S)
NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))


def examples() -> list[tuple[str, str]]:
    """Return the code on all pages that is to run as it is, with its place."""
    pages = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
    return [
        (f"{page.relative_to(ROOT).as_posix()} {number}", code)
        for page in pages
        for number, code in enumerate(_BLOCK.findall(page.read_text(encoding="utf-8")), start=1)
    ]


EXAMPLES = examples()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an example a home and a working folder of its own."""
    for name in ("HOME", "USERPROFILE", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 8
    assert len(NOTEBOOKS) == 3


@pytest.mark.parametrize("code", [c for _, c in EXAMPLES], ids=[place for place, _ in EXAMPLES])
def test_code_on_pages_runs(code: str) -> None:
    exec(compile(code, "example", "exec"), {"__name__": "example"})  # noqa: S102 - our own


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run(path: Path, home: Path) -> None:
    notebook: Any = nbformat.read(path, as_version=4)
    shown = [len(cell.get("outputs", ())) for cell in notebook.cells]
    assert sum(shown) > 4  # what was kept is shown on the site
    NotebookClient(notebook, timeout=540, kernel_name="python3").execute(cwd=str(home))
    assert [len(cell.get("outputs", ())) for cell in notebook.cells] == shown


def functions() -> list[tuple[str, object]]:
    return [
        (f"{module.__name__}.{name}", getattr(module, name))
        for module in PUBLIC
        for name in module.__all__
        if not isinstance(getattr(module, name), ModuleType) and callable(getattr(module, name))
    ]


@pytest.mark.parametrize(
    ("name", "found"), [pytest.param(*pair, id=pair[0]) for pair in functions()]
)
def test_docstrings_of_public_names_run(name: str, found: object) -> None:
    tests = [t for t in doctest.DocTestFinder().find(found, name, globs={}) if t.examples]
    if inspect.isfunction(found):
        assert tests, f"{name} has no example"
    for test in tests:
        failed, _ = doctest.DocTestRunner(verbose=False).run(test)
        assert failed == 0


def test_a_script_needs_no_qt(home: Path) -> None:
    code = (
        "import sys\n"
        "for name in ('qtpy', 'PyQt6', 'PySide6', 'napari', 'magicgui'):\n"
        "    sys.modules[name] = None\n"  # importing it fails
        "import napari_leukocyte as nl\n"
        "smear = nl.synthetic_smear((300, 300), n_per_class=1, diameter=60, touching_pairs=0)\n"
        "found = nl.analyse(smear.image)\n"
        "head = nl.HeadClassifier().fit(nl.embed_cells(smear.image, found.labels),"
        " found.table['class'])\n"
        "session = nl.sessions.open_session(smear.image, 'field')\n"
        "session.set_maps(found.maps)\n"
        "print(len(session.table()), len(head.classes_))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=home
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["5", "8"]
