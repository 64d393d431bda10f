"""The parts that the *Smear* dock's sections share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from napari_leukocyte.analysis.smear.smear import Smear
from napari_leukocyte.counting.settings import DifferentialSettings
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.smear.background import Background
from napari_leukocyte.ui.smear.form import SmearForm
from napari_leukocyte.ui.smear.switch import FieldSwitch


@dataclass(eq=False)
class Desk:
    """The smear that is open, the field that is shown, and the controls.

    Attributes
    ----------
    viewer : napari.Viewer
        In which a field is shown.
    form : SmearForm
        The controls.
    switch : FieldSwitch
        Shows a field.
    background : Background
        Works in threads.
    show_soon : callable
        Has everything shown anew.
    smear : Smear or None
        The one that is open.
    refused : str
        Why the last sign-off was refused, until something changes.
    pace : str
        How far the analysis is, and how long it will take; empty without one.
    counted : tuple
        What the two leukograms show the count of.
    """

    viewer: Any
    form: SmearForm
    switch: FieldSwitch
    background: Background
    show_soon: Callable[[], None]
    smear: Smear | None = None
    refused: str = ""
    pace: str = ""
    counted: tuple[object, object] = (None, None)

    @property
    def row(self) -> int | None:
        """The field that is shown, or will be as soon as it is read."""
        smear, wanted = self.smear, self.switch.wanted
        return None if smear is None or wanted is None else smear.paths.index(wanted)

    @property
    def shown_row(self) -> int | None:
        """The field that is shown."""
        smear, shown = self.smear, self.switch.shown
        return None if smear is None or shown is None else smear.paths.index(shown.path)

    @property
    def session(self) -> Session | None:
        """The session of the field that is shown."""
        return None if self.switch.shown is None else self.switch.shown.session

    @property
    def settings(self) -> DifferentialSettings:
        """How the cells are counted."""
        return self.form.smear_leukogram.settings
