"""Keys as a person writes them, as Qt knows them, and as napari does."""

from __future__ import annotations

from app_model.types import KeyBinding, KeyCode, KeyMod
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeyEvent

#: Modifiers in the order in which they are written; Ctrl is the command key on a Mac.
_MODIFIERS: dict[str, tuple[Qt.KeyboardModifier, int]] = {
    "Ctrl": (Qt.KeyboardModifier.ControlModifier, KeyMod.CtrlCmd),
    "Alt": (Qt.KeyboardModifier.AltModifier, KeyMod.Alt),
    "Shift": (Qt.KeyboardModifier.ShiftModifier, KeyMod.Shift),
    "Meta": (Qt.KeyboardModifier.MetaModifier, KeyMod.WinCtrl),
}
_OTHER_MODIFIERS = {"control": "Ctrl", "cmd": "Ctrl", "command": "Ctrl", "option": "Alt"}
#: Keys without a character: Qt's, as Qt writes it, and as napari does.
_NAMED: dict[str, tuple[Qt.Key, str, str]] = {
    "Enter": (Qt.Key.Key_Return, "Return", "Enter"),
    "Space": (Qt.Key.Key_Space, "Space", "Space"),
    "Backspace": (Qt.Key.Key_Backspace, "Backspace", "Backspace"),
    "Delete": (Qt.Key.Key_Delete, "Del", "Delete"),
    "Escape": (Qt.Key.Key_Escape, "Esc", "Escape"),
    "Insert": (Qt.Key.Key_Insert, "Ins", "Insert"),
    "Page Up": (Qt.Key.Key_PageUp, "PgUp", "PageUp"),
    "Page Down": (Qt.Key.Key_PageDown, "PgDown", "PageDown"),
    "Home": (Qt.Key.Key_Home, "Home", "Home"),
    "End": (Qt.Key.Key_End, "End", "End"),
    "Left": (Qt.Key.Key_Left, "Left", "Left"),
    "Right": (Qt.Key.Key_Right, "Right", "Right"),
    "Up": (Qt.Key.Key_Up, "Up", "Up"),
    "Down": (Qt.Key.Key_Down, "Down", "Down"),
    **{f"F{n}": (Qt.Key(Qt.Key.Key_F1 + n - 1), f"F{n}", f"F{n}") for n in range(1, 13)},
}
_BY_QT = {key: name for name, (key, _, _) in _NAMED.items()} | {Qt.Key.Key_Enter: "Enter"}
_OTHER_NAMES = {"return": "Enter", "esc": "Escape", "del": "Delete", "ins": "Insert"}
_BY_TEXT = (
    {name.replace(" ", "").lower(): name for name in _NAMED}
    | _OTHER_NAMES
    | {"pgup": "Page Up", "pgdown": "Page Down", "pgdn": "Page Down"}
)
#: Characters that take Shift on some keyboards and not on others; of these Shift says nothing.
_FIRST, _LAST = 0x21, 0x7E
#: Characters for which napari's name is another one, on the keyboard that it knows.
_NAPARI_CHARACTERS = {"?": KeyMod.Shift | KeyCode.Slash, "+": KeyMod.Shift | KeyCode.Equal}


def parse_key(text: str) -> str | None:
    """Return a key as it is written everywhere here; None if it is not understood.

    Parameters
    ----------
    text : str
        Such as ``"shift+pgdn"``, ``"Shift-D"`` or ``"?"``; "Ctrl" is the command key on a Mac.

    Returns
    -------
    str or None
        Such as ``"Shift+Page Down"``, ``"Shift+D"``, ``"?"``.
    """
    text = text.strip()
    if len(text) > 1 and text[-1] in "+-" and text[-2] in "+-":
        held, last = text[:-2], text[-1]
    elif len(text) == 1:
        held, last = "", text
    else:
        parts = text.replace("-", "+").split("+")
        held, last = "+".join(parts[:-1]), parts[-1]
    found: set[str] = set()
    for part in filter(None, held.split("+")):
        name = part.strip().lower()
        modifier = _OTHER_MODIFIERS.get(name, name.capitalize())
        if modifier not in _MODIFIERS:
            return None
        found.add(modifier)
    last = last.strip()
    name = _BY_TEXT.get(last.replace(" ", "").lower(), "")
    if not name and len(last) == 1 and _FIRST <= ord(last) <= _LAST:
        name = last.upper()
    if not name or (name not in _NAMED and napari_key(name) is None):
        return None
    return _written(found, name)


def key_of_event(event: QKeyEvent) -> str | None:
    """Return the key that was pressed, written as `parse_key` does; None if it has no name."""
    code = event.key()
    name = _BY_QT.get(Qt.Key(code), "")
    if not name and _FIRST <= code <= _LAST:
        name = chr(code).upper()
    if not name:
        return None
    held = event.modifiers()
    return _written({m for m, (qt, _) in _MODIFIERS.items() if held & qt}, name)


def qt_key(key: str) -> str:
    """Return a key that `parse_key` has understood as Qt writes it."""
    *held, name = _parts(key)
    return "+".join([*held, _NAMED[name][1] if name in _NAMED else name])


def napari_key(key: str) -> KeyBinding | None:
    """Return a key that `parse_key` has understood as napari knows it; None if it does not."""
    *held, name = _parts(key)
    if name in _NAPARI_CHARACTERS:
        code = int(_NAPARI_CHARACTERS[name])
    else:
        found = KeyCode.from_string(_NAMED[name][2] if name in _NAMED else name)
        if found == KeyCode.UNKNOWN:
            return None
        code = int(found)
    for modifier in held:
        code |= int(_MODIFIERS[modifier][1])
    return KeyBinding.from_int(code)


def _parts(key: str) -> list[str]:
    if key == "+":
        return [key]
    return [*key[:-2].split("+"), "+"] if key.endswith("++") else key.split("+")


def _written(held: set[str], name: str) -> str:
    if len(name) == 1 and not name.isalpha():
        held = held - {"Shift"}
    return "+".join([*(m for m in _MODIFIERS if m in held), name])
