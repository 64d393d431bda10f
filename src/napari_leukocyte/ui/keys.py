"""All actions that have keys, the keys that a user has given them, and what binds those."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from app_model.types import KeyBinding
from napari.utils.notifications import show_warning
from qtpy.QtCore import QObject, Qt, QTimer
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QWidget

from napari_leukocyte.language import tr
from napari_leukocyte.session.reviews import FLAGS
from napari_leukocyte.ui.key_names import napari_key, parse_key, qt_key
from napari_leukocyte.ui.own_classes import classes_now, notice
from napari_leukocyte.ui.signals import Signal


def bind_action(target: Any, action: str, act: Callable[[Any], object]) -> list[KeyBinding]:
    """Bind an action's keys to a layer or a viewer.

    Parameters
    ----------
    target : napari.layers.Layer or napari.Viewer
        Called with, and with the focus of, is the same.
    action : str
        Its id in :data:`napari_leukocyte.ui.keys.ACTIONS`.
    act : callable
        What to do.

    Returns
    -------
    list of KeyBinding
        For `unbind`: the keys may be others by then.
    """
    keys = [key for key in map(napari_key, keys_of(action)) if key is not None]
    for key in keys:
        target.bind_key(key, act, overwrite=True)
    return keys


def unbind(target: Any, keys: Iterable[KeyBinding]) -> None:
    """Give keys of a layer or a viewer back to napari."""
    for key in keys:
        target.bind_key(key, None, overwrite=True)


def shortcut_of(widget: QWidget, action: str, act: Callable[[], object]) -> QShortcut:
    """Have an action's keys act while a widget, or anything in it, has the focus.

    Parameters
    ----------
    widget : QWidget
        The owner.
    action : str
        Its id in :data:`napari_leukocyte.ui.keys.ACTIONS`.
    act : callable
        What to do.

    Returns
    -------
    QShortcut
        Has other keys as soon as the action has.
    """
    shortcut = QShortcut(widget)
    shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
    shortcut.activated.connect(act)
    follower = _Follower(shortcut, action)
    keys_notice.changed.connect(follower.follow)
    follower.follow()
    return shortcut


class _Follower(QObject):
    """Gives a shortcut, its parent, the keys of an action."""

    def __init__(self, shortcut: QShortcut, action: str) -> None:
        super().__init__(shortcut)
        self._shortcut, self._action = shortcut, action

    def follow(self) -> None:
        self._shortcut.setKeys([QKeySequence(qt_key(key)) for key in keys_of(self._action)])


#: Name under which napari keeps the plugin's settings, and of the group of keys in them.
PLUGIN, GROUP = "napari-leukocyte", "keys"
#: What can't be used is told once the settings have rested for so long, ms.
REST_MS = 1500
Place = Literal["gallery", "masks", "smear", "everywhere"]
#: In the order of the sheet.
PLACES: dict[Place, str] = {
    "gallery": "The gallery",
    "masks": "The masks, on the image",
    "smear": "The smear",
    "everywhere": "Everywhere",
}
#: Where the keys of classes act as well.
_WITH_CLASSES: tuple[Place, ...] = ("gallery", "masks")


@dataclass(frozen=True)
class KeyAction:
    """An action that has keys.

    Attributes
    ----------
    id : str
        Also the name of its setting: none of the words that napari's settings have themselves.
    place : str
        Where its keys act: a key of `PLACES`.
    what : str
        What it does.
    default : str
        Its keys, separated by commas.
    """

    id: str
    place: Place
    what: str
    default: str


def flag_action(flag: str) -> str:
    """Return the id of the action that sets a flag."""
    return "flag_" + flag.replace(" ", "_")


ACTIONS: tuple[KeyAction, ...] = (
    KeyAction("confirm", "gallery", "Confirm, and go to the next cell", "Enter, Space"),
    KeyAction("take_back", "gallery", "Take back what was said of the class", "Backspace"),
    *(
        KeyAction(flag_action(flag), "gallery", f"Flag: {flag}", str(number))
        for number, flag in enumerate(FLAGS, 1)
    ),
    KeyAction("show_on_image", "gallery", "Show the cell on the image", "Ctrl+Enter"),
    KeyAction("tool_split", "masks", "Split", "Shift+S"),
    KeyAction("tool_merge", "masks", "Merge", "Shift+M"),
    KeyAction("tool_delete", "masks", "Delete, one after the other", "Shift+D"),
    KeyAction("tool_add", "masks", "Add", "Shift+N"),
    KeyAction("tool_brush", "masks", "Brush", "Shift+B"),
    KeyAction("tool_eraser", "masks", "Eraser", "Shift+E"),
    KeyAction("tool_smooth", "masks", "Smooth", "Shift+R"),
    KeyAction("tool_fill", "masks", "Fill holes", "Shift+H"),
    KeyAction(
        "delete_now",
        "masks",
        "Delete the selected cells, or the one pointed at",
        "Delete, Backspace",
    ),
    KeyAction("stop", "masks", "Put the tool away", "Escape"),
    KeyAction("next_field", "smear", "Next field", "Page Down"),
    KeyAction("previous_field", "smear", "Previous field", "Page Up"),
    KeyAction("next_open_field", "smear", "Next field that is not finished", "Shift+Page Down"),
    KeyAction("undo", "everywhere", "Undo", "Ctrl+Z"),
    KeyAction("redo", "everywhere", "Redo", "Ctrl+Shift+Z"),
    KeyAction("key_sheet", "everywhere", "All keys", "?"),
)


class _KeysNotice(QObject):
    """Tells every widget that the keys are others now."""

    changed = Signal()


#: Qt forgets widgets that listen to it and are gone.
keys_notice = _KeysNotice()
#: What was read last, what is wrong with it, what of that was told, and the settings that are
#: listened to.
_known: dict[str, tuple[str, ...]] | None = None
_sentences: list[str] = []
_told: set[str] = set()
_settings: Any = None


def keys_of(action: str) -> tuple[str, ...]:
    """Return the keys of an action as they are now, as from `parse_key`; at least one."""
    global _known
    settings = _listen()
    if _known is None:
        values = {} if settings is None else settings.model_dump()
        _known, _sentences[:] = choose_keys(values, (c.key for c in classes_now()))
        _tell_soon()
    return _known[action]


def _tell_soon() -> None:
    """Tell what can't be used, once nobody types any more: halves of keys mean nothing."""
    sentences = tuple(_sentences)
    if sentences:
        QTimer.singleShot(REST_MS, lambda: _tell(sentences))


def _tell(sentences: tuple[str, ...]) -> None:
    if sentences != tuple(_sentences):
        return
    for sentence in sentences:
        if sentence not in _told:
            _told.add(sentence)
            show_warning(sentence)


def shown_keys(action: str) -> str:
    """Return the keys of an action as a text for a user."""
    return tr(" or ").join(keys_of(action))


def choose_keys(
    values: Mapping[str, object], classes: Iterable[str] = ()
) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Choose the keys of all actions; the default stands for what can't be used.

    Parameters
    ----------
    values : mapping of str to object
        The settings, by the action's id; what is missing has its default.
    classes : iterable of str
        Keys of the classes, which nothing else gets where they act.

    Returns
    -------
    keys : dict of str to tuple of str
        By the action's id.
    sentences : list of str
        One on each setting that is not used.
    """
    chosen: dict[str, tuple[str, ...]] = {}
    sentences: list[str] = []
    for action in ACTIONS:
        text = values.get(action.id, action.default)
        keys = _parse(str(text)) if isinstance(text, str) else None
        if keys is None:
            sentences.append(
                tr(
                    "Keys: “{text}” is not a key for “{what}”, which keeps {default}; "
                    "write keys like Shift+D or Page Down, several with commas.",
                    text=text,
                    what=tr(action.what),
                    default=action.default,
                )
            )
        chosen[action.id] = keys or _default(action)
    taken = frozenset(key.upper() for key in classes if key)
    while (found := _clash(chosen, taken)) is not None:
        action, key, other = found
        sentences.append(
            tr(
                "Keys: {key} is taken twice, for “{what}” and “{other}”; “{what}” keeps {default}.",
                key=key,
                what=tr(action.what),
                other=other,
                default=action.default,
            )
        )
        chosen[action.id] = _default(action)
    return chosen, sentences


def _parse(text: str) -> tuple[str, ...] | None:
    keys = [parse_key(part) for part in text.split(",")]
    known = [key for key in keys if key is not None]
    return tuple(dict.fromkeys(known)) if known and len(known) == len(keys) else None


def _default(action: KeyAction) -> tuple[str, ...]:
    return _parse(action.default) or ()


def _clash(
    chosen: Mapping[str, tuple[str, ...]], classes: frozenset[str]
) -> tuple[KeyAction, str, str] | None:
    """Return an action with a key that it can't have, that key, and who else has it."""
    changed = [a for a in ACTIONS if chosen[a.id] != _default(a)]
    for action in changed:
        if action.place in _WITH_CLASSES:
            for key in chosen[action.id]:
                if key in classes:
                    return action, key, "a class"
        for other in ACTIONS:
            near = "everywhere" in (action.place, other.place) or action.place == other.place
            if other is not action and near:
                for key in chosen[action.id]:
                    if key in chosen[other.id]:
                        return action, key, other.what
    return None


def _listen() -> Any:
    """Return the group of settings, and follow its changes; None if napari has none."""
    global _settings
    from napari.settings import get_plugin_settings

    try:
        found = get_plugin_settings(PLUGIN)
        group = getattr(found, GROUP)
    except (KeyError, AttributeError):
        # Napari knows the settings of installed plugins only.
        found = group = None
    if found is not _settings:
        _settings = found
        forget_keys()
        if found is not None:
            found.events.changed.connect(_on_changed)
    return group


def _on_changed(event: Any = None) -> None:
    if str(getattr(event, "key", GROUP)).startswith(GROUP):
        forget_keys()
        keys_notice.changed.emit()


def forget_keys(*_: object) -> None:
    """Read the settings again when a key is asked for next: classes may have taken one."""
    global _known
    _known = None


notice.changed.connect(forget_keys)
