"""The package as it is installed: manifest, version, data files, and what loads when."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import metadata, resources
from pathlib import Path

import pytest
from importlinter.cli import lint_imports
from npe2 import PluginManifest

import napari_leukocyte as nl
from tests import public_api

ROOT = Path(__file__).parents[1]
NAME = "napari-leukocyte"
#: What takes long to load, or must not be in the viewer's process at all.
HEAVY = {"cv2", "keras", "onnxruntime", "scipy", "skimage", "tensorflow", "torch"}
VIEWER = {"PyQt6", "magicgui", "napari", "qtpy", "superqt", "vispy"}
#: The rim, and what only a process of its own imports: all other packages are the core.
NOT_CORE = {"cli", "learning", "ui"}
CORE = sorted(
    path.parent.name
    for path in (ROOT / "src" / "napari_leukocyte").glob("*/__init__.py")
    if path.parent.name not in NOT_CORE
)

OPEN_MENUS = """
import napari_leukocyte
from npe2 import PluginManager

manager = PluginManager.instance()
manager.discover()
manager.get_manifest("napari-leukocyte")
commands = [item.command for menu in manager.menus() for item in manager.iter_menu(menu)]
assert any(command.startswith("napari-leukocyte.") for command in commands), commands
assert any(w.plugin_name == "napari-leukocyte" for w in manager.iter_widgets())
assert any(name == "napari-leukocyte" for name, _ in manager.iter_sample_data())
"""

OPEN_MENUS_OF_A_VIEWER = """
import napari
from qtpy.QtWidgets import QMenu

viewer = napari.Viewer(show=False)
titles = set()
for menu in viewer.window._qt_window.findChildren(QMenu):
    menu.aboutToShow.emit()
    titles |= {action.text() for action in menu.actions()}
assert any("Segment leukocytes" in title for title in titles), sorted(titles)
viewer.close()
"""

IMPORT_THE_CORE = """
import importlib, pkgutil
import napari_leukocyte

for name in {core!r}:
    package = importlib.import_module(f"napari_leukocyte.{{name}}")
    for module in pkgutil.walk_packages(package.__path__, f"{{package.__name__}}."):
        importlib.import_module(module.name)
"""


def modules_after(code: str) -> set[str]:
    """Return the names of the modules that a new Python has loaded after running code."""
    code += "\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_version_is_that_of_the_installed_package() -> None:
    assert nl.__version__ == metadata.version(NAME)


def test_data_files_are_installed() -> None:
    package = resources.files("napari_leukocyte")
    names = ("napari.yaml", "py.typed", "__init__.pyi", "models/shipped/defaults.json")
    assert [name for name in names if not package.joinpath(name).is_file()] == []


def test_npe2_validate_passes() -> None:
    command = [sys.executable, "-m", "npe2", "validate", NAME]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_command_of_the_manifest_exists() -> None:
    PluginManifest.from_distribution(NAME).validate_imports()


def test_public_names_keep_their_signatures() -> None:
    """A change here is a change of what others build on: see the deprecation policy.

    ``python tests/public_api.py`` writes the list anew.
    """
    assert public_api.lines() == public_api.FILE.read_text(encoding="utf-8").splitlines()


def test_public_names_are_documented_and_listed() -> None:
    pages = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "docs/reference/api").glob("*.md")
    )
    names = [name for name, _ in public_api.public() if not name.endswith("__version__")]
    shown = set(re.findall(r"^::: (\S+)$", pages, re.MULTILINE))
    assert shown == set(names)
    for module in public_api.MODULES:
        assert sorted(module.__all__) == sorted(set(module.__all__))
        assert all(hasattr(module, name) for name in module.__all__)
    for name, members in public_api.MEMBERS.items():
        section = re.split(rf"^::: \S+\.{name}$", pages, flags=re.MULTILINE)[1].split(":::")[0]
        assert set(re.findall(r"^        - (\w+)$", section, re.MULTILINE)) == members


def test_opening_the_menus_loads_nothing_heavy() -> None:
    assert modules_after(OPEN_MENUS) & (HEAVY | VIEWER) == set()


@pytest.mark.usefixtures("qapp")  # needs a display, and says so
def test_menus_of_a_real_viewer_load_none_of_the_plugin() -> None:
    loaded = modules_after(OPEN_MENUS_OF_A_VIEWER)
    # napari loads SciPy and scikit-image itself.
    assert loaded & {"keras", "onnxruntime", "tensorflow", "torch"} == set()
    assert {name for name in loaded if name.startswith("napari_leukocyte.")} == set()


def test_core_knows_no_viewer_no_rim_and_no_tensorflow() -> None:
    loaded = modules_after(IMPORT_THE_CORE.format(core=CORE))
    assert loaded & (VIEWER | {"keras", "tensorflow", "torch"}) == set()
    assert loaded & {"napari_leukocyte.cli", "napari_leukocyte.ui", "training"} == set()


def test_imports_keep_to_the_contracts(capsys: pytest.CaptureFixture[str]) -> None:
    """The floors of the packages, no cycle of modules: `[tool.importlinter]` in pyproject.toml."""
    status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert status == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "say one of demo, test, docs, wheel, release"),
        (["install"], "there is no 'install'"),
        (["test", "--here", "spelling"], "there is no step 'spelling'"),
    ],
)
def test_set_up_script_refuses_what_it_does_not_know(arguments: list[str], sentence: str) -> None:
    command = [sys.executable, str(ROOT / "run.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_set_up_script_spares_a_folder_that_is_not_an_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    precious = tmp_path / "precious.txt"
    precious.write_text("mine", encoding="utf-8")
    monkeypatch.setenv("NAPARI_LEUKOCYTE_VENV", str(tmp_path))
    command = [sys.executable, str(ROOT / "run.py"), "demo"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert str(tmp_path) in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == [precious.name]
