"""The language of the window: a variable of the environment, the Preferences, or the system's."""

from __future__ import annotations

import os
from collections.abc import Mapping

from napari.utils.notifications import show_warning
from qtpy.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator

from napari_leukocyte.language import LANGUAGES, VARIABLE, in_use, use
from napari_leukocyte.ui.keys import PLUGIN

#: Names of the group of settings and of the setting in it.
GROUP, SETTING = "window", "language"
#: Follows the system.
SYSTEM = "system"
#: As the Preferences name them.
NAMES = {"As the system": SYSTEM, "English": "en", "Русский": "ru"}


class _Settled:
    """The choice of this process; Qt's own words follow it as long as this lives."""

    def __init__(self) -> None:
        self.done = False
        self.of_qt: QTranslator | None = None


_SETTLED = _Settled()


def settle_language() -> None:
    """Choose the language of the window, once in a process: what is open speaks one language."""
    if _SETTLED.done:
        return
    _SETTLED.done = True
    named = os.environ.get(VARIABLE, "").strip()
    if named and named not in (SYSTEM, *LANGUAGES):
        known = ", ".join((SYSTEM, *LANGUAGES))
        show_warning(f"{VARIABLE} is {named!r}, which is not a language here: known are {known}.")
    use(choose(os.environ, _preferred(), QLocale.system().uiLanguages()))
    _let_qt_speak()


def choose(environment: Mapping[str, str], preferred: str, system: list[str]) -> str:
    """Return the language to speak.

    Parameters
    ----------
    environment : mapping of str to str
        A language in it goes before the preferred one.
    preferred : str
        "en", "ru" or "system".
    system : list of str
        Languages of the system, the preferred one first, such as "ru-RU".

    Returns
    -------
    str
        "en" or "ru".
    """
    named = environment.get(VARIABLE, "").strip()
    wanted = named if named in (SYSTEM, *LANGUAGES) else preferred
    if wanted == SYSTEM:
        wanted = system[0].replace("_", "-").partition("-")[0] if system else "en"
    return wanted if wanted in LANGUAGES else "en"


def _preferred() -> str:
    from napari.settings import get_plugin_settings

    try:
        group = getattr(get_plugin_settings(PLUGIN), GROUP)
    except (KeyError, AttributeError):
        # Napari knows the settings of installed plugins only.
        return SYSTEM
    return NAMES.get(str(getattr(group, SETTING, "")), SYSTEM)


def _let_qt_speak() -> None:
    """Have Qt's own words, such as those on the buttons of dialogs, in the same language."""
    app = QCoreApplication.instance()
    if app is None or in_use() == "en":
        return
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    translator = QTranslator(app)
    if translator.load(f"qtbase_{in_use()}", folder):
        app.installTranslator(translator)
        _SETTLED.of_qt = translator
