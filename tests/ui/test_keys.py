"""Every action has its keys: those of Preferences, in the window, in the sheet and in the docs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from npe2 import PluginManifest
from pytestqt.qtbot import QtBot
from qtpy.QtGui import QKeySequence, QShortcut

from napari_leukocyte.ui import keys as registry
from napari_leukocyte.ui.key_names import napari_key, parse_key, qt_key
from napari_leukocyte.ui.keys import ACTIONS, PLACES, choose_keys, keys_of, shown_keys
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.review.widget import ReviewWidget
from napari_leukocyte.ui.smear.widget import SmearWidget
from napari_leukocyte.ui.tools.mask_tools import mask_tools_of
from napari_leukocyte.ui.workbench.help import key_groups
from napari_leukocyte.ui.workbench.widget import Workbench
from tests.analysis.smear.conftest import folder as folder
from tests.analysis.smear.conftest import networks as quick  # noqa: F401 - a fixture
from tests.ui.review.conftest import Bench
from tests.ui.review.conftest import bench as bench
from tests.ui.smear.conftest import smear as smear
from tests.ui.smear.steps import QTEST, analyse, open_folder, settle
from tests.ui.tools.mouse import Mouse

ROOT = Path(__file__).parents[2]
MANIFEST = ROOT / "src" / "napari_leukocyte" / "napari.yaml"
IDS = [action.id for action in ACTIONS]


@pytest.fixture
def settings(plugin_settings: None, npe2pm: Any) -> Iterator[Any]:
    """Return the group of keys in the plugin's settings."""
    from napari.settings import get_plugin_settings

    npe2pm.register(PluginManifest.from_file(MANIFEST))
    registry.forget_keys()
    yield get_plugin_settings("napari-leukocyte").keys
    registry.forget_keys()


def test_the_manifest_offers_exactly_the_registry() -> None:
    configurations = PluginManifest.from_file(MANIFEST).contributions.configurations
    assert configurations is not None
    offered = configurations["keys"].properties
    assert {name: each.default for name, each in offered.items()} == {
        action.id: action.default for action in ACTIONS
    }
    assert len(set(IDS)) == len(IDS)
    defaults, sentences = choose_keys({})
    assert sentences == []
    assert list(defaults) == IDS


def test_the_sheet_lists_exactly_the_registry(settings: Any) -> None:
    settings.tool_split = "shift-f2"
    listed = {group.place: group.keys for group in key_groups()}
    assert ("Shift+F2", "Split") in listed[PLACES["masks"]]
    for place, title in PLACES.items():
        expected = [(shown_keys(a.id), a.what) for a in ACTIONS if a.place == place]
        assert list(listed[title]) == expected


def test_the_page_of_keys_has_every_action_with_its_default() -> None:
    page = (ROOT / "docs" / "reference" / "keys.md").read_text(encoding="utf-8")
    for action in ACTIONS:
        keys = ", ".join(f"<kbd>{key.strip()}</kbd>" for key in action.default.split(","))
        assert f"| {keys} | {action.what} |" in page.splitlines(), action.id


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("shift+pgdn", "Shift+Page Down"),
        ("Shift-D", "Shift+D"),
        ("return", "Enter"),
        ("Cmd+z", "Ctrl+Z"),
        ("?", "?"),
        ("Shift+1", "1"),
        ("Ctrl++", "Ctrl++"),
        (" f5 ", "F5"),
        ("Hyper+D", None),
        ("", None),
        ("Shift+", None),
        ("Seite", None),
    ],
)
def test_keys_as_a_person_writes_them(text: str, key: str | None) -> None:
    assert parse_key(text) == key
    if key is not None:
        assert napari_key(key) is not None
        assert QKeySequence(qt_key(key)).toString() == qt_key(key)


def test_what_can_not_be_used_is_told_once_and_the_default_holds() -> None:
    chosen, (sentence,) = choose_keys({"confirm": "Seite"})
    assert chosen["confirm"] == ("Enter", "Space")
    assert "“Seite” is not a key" in sentence
    # Taken by another action of the same place, by a class, or by one that acts everywhere.
    for key, other in (("1", "uncertain class"), ("n", "a class"), ("ctrl+z", "Undo")):
        chosen, (sentence,) = choose_keys({"take_back": key}, ["n"])
        assert chosen["take_back"] == ("Backspace",)
        assert "taken twice" in sentence
        assert other in sentence
    # Elsewhere it is another key, and two actions may change places.
    assert choose_keys({"take_back": "Shift+S"})[1] == []
    chosen, sentences = choose_keys({"tool_split": "Shift+M", "tool_merge": "Shift+S"})
    assert (chosen["tool_split"], sentences) == (("Shift+M",), [])
    # What one keeps may be what another was given.
    chosen, sentences = choose_keys({"tool_split": "Shift+M", "tool_merge": "Shift+D"})
    assert chosen["tool_split"] == ("Shift+S",)
    assert chosen["tool_merge"] == ("Shift+M",)
    assert len(sentences) == 2


def test_a_user_reads_the_sentence_once_the_key_is_typed(
    settings: Any, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    told: list[str] = []
    monkeypatch.setattr(registry, "show_warning", told.append)
    monkeypatch.setattr(registry, "REST_MS", 100)
    for typed in ("C", "Ct", "Ctr", "Ctrl+"):
        settings.undo = typed
        keys_of("undo")
    assert keys_of("undo") == ("Ctrl+Z",)
    assert keys_of("redo") == ("Ctrl+Shift+Z",)
    qtbot.waitUntil(lambda: len(told) == 1)
    assert "“Ctrl+”" in told[0]
    settings.undo = "Ctrl+U"
    assert keys_of("undo") == ("Ctrl+U",)
    qtbot.wait(150)
    assert len(told) == 1


def pressed(target: Any, key: str) -> None:
    """Press a key as Qt writes it."""
    combination = QKeySequence(qt_key(key))[0]
    target.setFocus()
    QTEST.keyClick(target, combination.key(), combination.keyboardModifiers())


def test_changed_keys_work_at_once_in_the_gallery(settings: Any, bench: Bench) -> None:
    bench.choose()
    names = [a.id for a in ACTIONS if a.place == "gallery"]
    for number, name in enumerate(names, 1):
        setattr(settings, name, f"Ctrl+F{number}")
    settings.undo, settings.redo = "F11", "F12"
    tried = set()

    def press(name: str) -> None:
        tried.add(name)
        pressed(bench.gallery, keys_of(name)[0])

    bench.click(1)
    for flag in ("uncertain class", "unclear boundary", "smudge", "artefact", "to discuss"):
        press(registry.flag_action(flag))
        assert flag in bench.session.reviews[1].flags
    press("confirm")
    assert bench.session.reviews[1].reviewed
    assert keys_of("confirm")[0] in bench.widget.form.approve.toolTip()
    bench.click(1)
    press("take_back")
    assert not bench.session.reviews[1].reviewed
    press("undo")
    assert bench.session.reviews[1].reviewed
    press("redo")
    assert not bench.session.reviews[1].reviewed
    shown: list[str] = []
    bench.viewer.scene.camera.events.center.connect(lambda _: shown.append("it"))
    bench.click(2)
    press("show_on_image")
    assert shown
    # The former keys mean nothing any more.
    pressed(bench.gallery, "1")
    assert not bench.session.reviews.get(2)
    assert tried == {*names, "undo", "redo"}


def test_changed_keys_work_at_once_on_the_image(settings: Any, bench: Bench) -> None:
    bench.session.select([])
    layer: Any = links.labels_layer_of(bench.viewer, bench.session)
    bench.viewer.layers.selection.active = layer
    bench.settle()
    tools = mask_tools_of(bench.viewer)
    mouse = Mouse(bench.viewer, layer)
    names = [a.id for a in ACTIONS if a.place == "masks"]
    former = {key for name in names for key in map(napari_key, keys_of(name))}
    for number, name in enumerate(names, 1):
        setattr(settings, name, f"Alt+F{number}")
    assert not former & set(layer.keymap)
    for name in names:
        if name.startswith("tool_"):
            pressed(mouse.canvas.native, keys_of(name)[0])
            held = tools.in_hand
            assert held is not None
            assert held.tool.keys == name
            assert keys_of(name)[0] in bench.widget.form.tools.buttons[held.tool.name].toolTip()
            pressed(mouse.canvas.native, keys_of("stop")[0])
            assert tools.in_hand is None
    bench.session.select([1])
    pressed(mouse.canvas.native, keys_of("delete_now")[0])
    assert 1 not in bench.session.labels
    settings.undo = "F9"
    pressed(mouse.canvas.native, "F9")
    assert 1 in bench.session.labels


def test_changed_keys_turn_the_pages_at_once(
    settings: Any, smear: SmearWidget, folder: Path, qtbot: QtBot
) -> None:
    review = ReviewWidget(smear.viewer)
    smear.viewer.window.add_dock_widget(review, name="Review", area="right")
    open_folder(smear, folder, qtbot)
    analyse(smear, qtbot)
    settings.next_field, settings.previous_field, settings.next_open_field = "F6", "F7", "F8"
    assert "F6" in smear.form.next.toolTip()
    canvas = smear.viewer.window._qt_viewer.canvas.native
    rows = []
    for target in (canvas, review.form.gallery):
        for name in ("next_field", "previous_field", "next_open_field", "previous_field"):
            pressed(target, keys_of(name)[0])
            settle(smear, qtbot)
            rows.append(smear.shown_row)
    assert rows == [1, 0, 1, 0] * 2
    assert napari_key("Page Down") not in smear.viewer.keymap


def test_the_key_of_the_sheet_can_be_changed(settings: Any, viewer: Any) -> None:
    bench = Workbench(viewer)
    viewer.window.add_dock_widget(bench, name="Leukocyte workbench")
    settings.key_sheet = "F1"
    shortcuts = [shortcut.keys() for shortcut in bench.findChildren(QShortcut)]
    found = [key.toString() for keys in shortcuts for key in keys]
    assert "F1" in found
    assert "?" not in found
