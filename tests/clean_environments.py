"""The built wheel in clean environments: ``python3 run.py wheel`` runs this with uv beside it.

Each Python that the machine has, with the newest dependencies and with the lowest that
``pyproject.toml`` allows, gets an environment that knows nothing of this folder. There the wheel is
imported, analyses a painted smear on the command line and through Python, and passes a core of the
tests, with a window where one can be opened.
"""

from __future__ import annotations

import argparse
import csv
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: What runs the tests, and writes HEIC for them; the package itself brings all else.
TOOLS = ("pytest", "pytest-qt", "pytest-timeout", "hypothesis", "pillow-heif")
#: Tests that cross the package from its files to its results, and the window at work.
CORE = (
    "tests/segmentation/test_shipped.py",
    "tests/classification",
    "tests/counting",
    "tests/io/images",
    "tests/models",
    "tests/reporting",
    "tests/cli/test_demo.py",
)
WINDOW = ("tests/ui/test_end_to_end.py", "tests/ui/workbench")
#: Paints a smear with one cell of each class, from where the package is installed.
SAMPLE = """
import sys
from pathlib import Path
from PIL import Image
import napari_leukocyte as nl
assert Path(nl.__file__).is_relative_to(sys.prefix), nl.__file__
smear = nl.synthetic_smear((500, 500), n_per_class=1, diameter=70)
Image.fromarray(smear.image).save(sys.argv[1])
"""
CLASSES = 5


class CheckError(Exception):
    """A check failed; the message says which, and how it ended."""


@dataclass(frozen=True)
class Clean:
    """One clean environment.

    Attributes
    ----------
    python : str
        Version such as ``"3.12"``.
    lowest : bool
        Whether the lower bounds of the dependencies are installed, not the newest.
    folder : Path
        Where it is made; must not exist.
    """

    python: str
    lowest: bool
    folder: Path

    @property
    def title(self) -> str:
        """What it is called in what is printed."""
        return f"Python {self.python}, {'lowest' if self.lowest else 'newest'}"

    def program(self, name: str) -> str:
        """Return the path of a program in it."""
        return str(self.folder / ("Scripts" if os.name == "nt" else "bin") / name)


def call(command: Sequence[str], folder: Path, **env: str) -> None:
    """Run a program with a home of its own, out of reach of this folder's sources.

    Raises
    ------
    CheckError
        If it fails, with the end of what it printed.
    """
    known = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**known, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        end = "\n".join(done.stdout.splitlines()[-40:])
        raise CheckError(f"{shlex.join(command)}\n{end}")


def uv() -> str:
    """Return the path of uv: the one beside this Python, or the one on the path."""
    return shutil.which("uv", path=str(Path(sys.executable).parent)) or "uv"


def is_here(python: str) -> bool:
    """Tell whether the machine has a Python of this version."""
    found = [uv(), "python", "find", "--no-python-downloads", "--system", python]
    return subprocess.run(found, capture_output=True, check=False).returncode == 0


def install(clean: Clean, wheel: Path, extra: str, work: Path) -> None:
    """Make the environment and install the wheel into it, never building a dependency."""
    made = [uv(), "venv", "--no-python-downloads", "--python", clean.python, str(clean.folder)]
    call(made, work)
    pip = [uv(), "pip", "install", "--python", str(clean.folder), "--only-binary", ":all:"]
    resolution = "lowest-direct" if clean.lowest else "highest"
    wanted = f"napari-leukocyte[{extra}] @ {wheel.resolve().as_uri()}"
    call([*pip, "--resolution", resolution, wanted], work)
    call([*pip, *TOOLS], work)


def check(clean: Clean, binding: str, screen: Sequence[str], work: Path) -> None:
    """Use what is installed: in Python, on the command line, in its tests, in a window."""
    home = {name: str(work / "home") for name in ("HOME", "USERPROFILE")}
    (work / "home").mkdir()
    python, picture, out = clean.program("python"), work / "smear.png", work / "results"
    call([python, "-c", SAMPLE, str(picture)], work, **home)
    run = [clean.program("napari-leukocyte"), "run", str(picture), "--out", str(out)]
    call(run, work, **home)
    with (out / "objects.csv").open(encoding="utf-8", newline="") as file:
        found = {row["class"] for row in csv.DictReader(file)}
    if len(found) != CLASSES:
        raise CheckError(f"the painted smear has {CLASSES} classes, but {sorted(found)} were found")
    qt = {"QT_API": binding, "PYTEST_QT_API": binding, "NAPARI_LEUKOCYTE_DATA": str(work / "none")}
    pytest = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not data"]
    windows = WINDOW if screen or not sys.platform.startswith("linux") else ()
    call([*screen, *pytest, *CORE], ROOT, **home, **qt)
    if windows:
        call([*screen, *pytest, *windows], ROOT, **home, **qt)


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the wheel in every environment asked for; 1 if one fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path, help="the wheel, or the folder that holds it alone")
    parser.add_argument("--python", nargs="+", required=True, help="versions, such as 3.12")
    parser.add_argument("--all-needed", action="store_true", help="fail where a Python is missing")
    parser.add_argument("--dependencies", nargs="+", default=["newest", "lowest"])
    parser.add_argument("--qt", default="pyqt6", choices=("pyqt6", "pyside6"))
    parser.add_argument("--screen", default="", help="what to put before a command with windows")
    chosen = parser.parse_args(arguments)
    extra = {"pyqt6": "qt", "pyside6": "pyside"}[chosen.qt]
    wheel = chosen.wheel
    if wheel.is_dir():
        wheel = next(wheel.glob("*.whl"))
    failed = 0
    for python in chosen.python:
        if not is_here(python):
            print(f"Python {python}: not on this machine", flush=True)
            failed += chosen.all_needed
            continue
        for dependencies in chosen.dependencies:
            start = time.monotonic()
            with tempfile.TemporaryDirectory(prefix="napari-leukocyte-") as folder:
                work = Path(folder)
                clean = Clean(python, dependencies == "lowest", work / "env")
                try:
                    install(clean, wheel, extra, work)
                    check(clean, chosen.qt, shlex.split(chosen.screen), work)
                except CheckError as error:
                    failed += 1
                    verdict = f"FAILED: {error}"
                else:
                    verdict = "passed"
            print(f"{clean.title}: {verdict} ({time.monotonic() - start:.0f} s)", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
