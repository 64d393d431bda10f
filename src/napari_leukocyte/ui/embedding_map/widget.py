"""All cells as a map: groups of them are selected and classified."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QPoint
from qtpy.QtWidgets import QToolTip

from napari_leukocyte.classification.label_errors import CELLS, CELLS_OF_CLASS
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.interpretation.embedding_map.layout import Layout
from napari_leukocyte.interpretation.embedding_map.neighbours import FEWEST, TOO_FEW
from napari_leukocyte.language import tr, tr_n
from napari_leukocyte.progress import Progress
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.dock import SessionDock, SharedParts
from napari_leukocyte.ui.embedding_map.across_images import SmearField, sessions_of
from napari_leukocyte.ui.embedding_map.acts import Acts
from napari_leukocyte.ui.embedding_map.form import EVERYWHERE, SMEAR, CellMapForm
from napari_leukocyte.ui.embedding_map.shown import (
    MapSource,
    ShownMap,
    Suspects,
    Tooltips,
    Wanted,
    features_for,
    map_work,
    suspects_work,
    wanted_of,
)
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.objects_style import UNCLASSIFIED, palette
from napari_leukocyte.ui.open_smear import OpenSmear, open_smear_of, smear_notice
from napari_leukocyte.ui.own_classes import classes_now, notice
from napari_leukocyte.ui.review.picking import ClickToSelect
from napari_leukocyte.ui.review.texts import cells as in_words
from napari_leukocyte.ui.undo import install_undo

if TYPE_CHECKING:
    import napari

#: Doubts are raised anew once classes have rested for so long, ms.
DOUBT_MS = 400
_NO_IMAGE = "Open an image of a smear, and find its cells with “Segment leukocytes”."
_READING = "Reading the cells of the smear …"
_NO_CELLS = "No cells yet: find them with “Segment leukocytes”."
_BLIND = "A blind read is under way: the map shows what the classifier sees, and comes after it."
_CANCELLED = "Cancelled. Press “Recompute layout” to begin again."
_NOT_CLASSIFIED = "These cells are not classified yet: do so here, or with “Classify and count”."


class CellMapWidget(SessionDock):
    """Show cells as a map, select groups of them, and give them classes.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose images it works on.
    shared : SharedParts, optional
        What it has in common with other docks.

    Attributes
    ----------
    form : CellMapForm
        The controls.
    acts : Acts
        Carries out what the user asks for.
    shown : ShownMap or None
        The map that is shown.
    classes : tuple of CellClass
        That can be given.
    suspects : list of LabelSuspect or None
        Cells whose class is doubtful; None if that can't be told.
    """

    tells_progress = False
    undoes = False  # its commands on several images are undone together

    def __init__(self, viewer: napari.viewer.Viewer, *, shared: SharedParts | None = None) -> None:
        super().__init__(viewer, shared=shared)
        self.shown: ShownMap | None = None
        self.suspects: Suspects = None
        self._doubted_of: tuple[str | None, ...] = ()
        self._refused: Wanted | None = None
        #: The last layout, by whose embedding, and in which scope: within that, places are kept
        #: while images come and go.
        self._layout: tuple[tuple[str, int], Layout] | None = None
        self._features_note = self._refused_why = ""
        self._tooltips = Tooltips()
        self._doubt_soon = self.timer(DOUBT_MS, self._doubt)
        self.form = form = CellMapForm(self)
        self.lay_out([("Cells of", form.scope)], body=form.body)
        self.classes = classes_now()
        self.acts = Acts(self, form, self.viewer)
        form.scope.currentIndexChanged.connect(self._follow_smear)
        smear_notice.changed.connect(self._follow_smear)
        self._smear: OpenSmear | None = None
        self._fields: list[SmearField] = []
        self._smear_read = False
        form.anew.clicked.connect(lambda: self.lay_out_anew())
        form.scatter.asked.connect(self._tell)
        for shortcut, again in zip(install_undo(self, lambda: None), (False, True), strict=True):
            shortcut.activated.connect(lambda a=again: self.acts.step_back(again=a))
        notice.changed.connect(self._take_classes)
        self.ties.add(ClickToSelect(self.viewer, lambda: self.chosen_session).release)
        self._show_state(_NO_IMAGE, map_too=False)
        self.begin()
        self._take_classes()
        self._follow_smear()

    def on_release(self) -> None:
        """Let go of the smear."""
        self._leave_smear()

    @property
    def settled(self) -> bool:
        """Whether everything is shown and nothing is being computed."""
        return super().settled and not self._doubt_soon.isActive()

    # -- what is followed -----------------------------------------------------------------

    @property
    def chosen_session(self) -> Session | None:
        """The session of the chosen image."""
        image = self.image.layer()
        return None if image is None else links.existing_session(image)

    def wanted_sessions(self) -> list[Session]:
        """Return the session of the chosen image, or of all images; none for a smear's fields."""
        if self._smear is not None:
            return []
        everywhere = self.form.scope.currentData() == EVERYWHERE
        return sessions_of(self.viewer, self.image.layer(), everywhere=everywhere)

    def on_selection(self) -> None:
        """Show which cells are selected, wherever that was done."""
        self.show_selection()

    @property
    def smear(self) -> OpenSmear | None:
        """The smear whose cells are shown; None if they are those of images."""
        return self._smear

    def _follow_smear(self, *_: object) -> None:
        """Offer the open smear, and follow it if its cells are wanted."""
        found = open_smear_of(self.viewer)
        self.form.offer_smear(found is not None)
        wanted = found if self.form.scope.currentData() == SMEAR else None
        if wanted is not self._smear:
            self._leave_smear()
            self._smear = wanted
            if wanted is not None:
                wanted.cells.table_changed.connect(self._on_smear)
                wanted.cells.selection_changed.connect(self.on_selection)
            self._clear()
        self.update_soon()

    def _leave_smear(self) -> None:
        if self._smear is not None:
            cells = self._smear.cells
            cells.table_changed.disconnect(self._on_smear, missing_ok=True)
            cells.selection_changed.disconnect(self.on_selection, missing_ok=True)
        self._smear, self._fields, self._smear_read = None, [], False

    def on_show(self) -> None:
        """Look also which fields have cells now: they may have been analysed meanwhile."""
        self._smear_read = False
        super().on_show()

    def _on_smear(self, _: object) -> None:
        self.update_soon()

    def _read_smear(self, opened: OpenSmear) -> None:
        """Read the cells of the smear's fields; then the map is made."""

        def done(tables: Any) -> None:
            if opened is self._smear:
                self._smear_read = True
                opened.cells.take(tables)
                # The same objects as before, or the map would be one of others.
                known = {f.field: f for f in self._fields}
                fields = opened.smear.counted()
                self._fields = [known.get(f) or SmearField(opened.cells, f) for f in fields]
                self.update_soon()

        if self.shown is None:
            self._show_state(_READING, map_too=False)
        self._compute(opened.cells.read, "Reading the smear", done, self._forget)

    def _sources(self) -> tuple[Sequence[MapSource], Sequence[MapSource]]:
        """Return whose cells there are, and of these those that may be shown."""
        if self._smear is None:
            filled = [s for s in self.sessions if len(s.table())]
            return filled, [s for s in filled if not s.hidden]
        fields = [f for f in self._fields if len(f.table())]
        return fields, [f for f in fields if not f.read_blindly]

    def _take_classes(self, *_: object) -> None:
        self.classes = classes_now()
        self.form.set_classes(self.classes)
        self.update_soon()

    def update_now(self) -> None:
        """Show the cells as they are; have the map made if it is of others."""
        if not self.isVisible():
            return
        self.follow_now()
        if self._smear is not None and not self._smear_read:
            if not self.busy:
                self._read_smear(self._smear)
            return
        filled, allowed = self._sources()
        if not allowed:
            any_image = self.sessions or self._smear is not None
            self._forget(_BLIND if filled else _NO_CELLS if any_image else _NO_IMAGE)
            return
        chosen = self.chosen_session
        first = [chosen] if chosen in allowed or self._smear is not None else []
        said = (s.classifier for s in (*first, *allowed) if isinstance(s, Session))
        wanted = wanted_of(allowed, next((name for name in said if name), "default"))
        if self.shown is not None and not set(self.shown.wanted.sessions) <= set(allowed):
            self._clear()
        if wanted.same_as(None if self.shown is None else self.shown.wanted):
            self._show()
        elif not self.busy and not wanted.same_as(self._refused):
            self._make(wanted)
        elif not self.busy:
            self._show()
            self._show_state(self._refused_why, map_too=self.shown is not None)
            self.form.anew.show()
        self._note_left_out(len(filled) - len(allowed))

    def _note_left_out(self, number: int) -> None:
        if number and self.shown is not None:
            left_out = tr_n(
                "1 image is left out: they are read blindly.",
                "{n} images are left out: they are read blindly.",
                number,
            )
            text = f"{tr(self.message)} {left_out}".strip()
            self._show_state(text, map_too=True)

    # -- what is computed -----------------------------------------------------------------

    def _make(self, wanted: Wanted, *, anew: bool = False) -> None:
        try:
            features, note = features_for(wanted.classifier)
        except LeukocyteError as error:
            self._forget(tr(str(error)))
            return
        whose = wanted.classifier, self.form.scope.currentIndex()
        known = self._layout
        former = None if known is None or known[0] != whose else known[1]
        work = map_work(wanted, features, former, anew=anew)

        def done(result: tuple[Any, Suspects, tuple[str | None, ...]]) -> None:
            found, self.suspects, self._doubted_of = result
            self.shown, self._refused, self._features_note = ShownMap(found, wanted), None, note
            kept = former is not None and found.layout.placer is former.placer
            self._layout = (whose, found.layout)
            self.form.scatter.show_places(found.positions, anew=not kept)
            self._show()

        def refused(why: str) -> None:
            self._refused, self._refused_why = wanted, why

        self._refused = None
        if self.shown is None:
            self._show_state("Looking at the cells …", map_too=False)
        self._compute(work, "Mapping cells", done, refused)

    def _doubt(self) -> None:
        shown = self.shown
        if shown is None or self.busy or shown.classes == self._doubted_of:
            return
        classes = shown.classes

        def done(found: Suspects) -> None:
            if shown is self.shown:
                self.suspects, self._doubted_of = found, classes
                self._show_lists()

        def refused(why: str) -> None:
            self._doubted_of = classes

        self._compute(suspects_work(shown, classes), None, done, refused)

    def _compute(
        self,
        work: Callable[[Progress], Any],
        title: str | None,
        done: Callable[[Any], None],
        refused: Callable[[str], None],
    ) -> None:
        self.start(work, title, done, failed=refused, cancelled=lambda: refused(_CANCELLED))

    def lay_out_anew(self) -> None:
        """Lay all cells out together, whatever was before."""
        wanted = self._refused if self.shown is None else self.shown.wanted
        if not self.busy and wanted is not None:
            self._make(wanted_of(wanted.sessions, wanted.classifier), anew=True)

    # -- what is shown --------------------------------------------------------------------

    def _clear(self) -> None:
        """Show no map; what is under way is of no use any more."""
        self.drop()
        QToolTip.hideText()
        self.shown, self.suspects, self._doubted_of = None, None, ()

    def _forget(self, why: str) -> None:
        self._clear()
        self._refused = None
        self._show_state(why, map_too=False)

    def _show_state(self, text: str, *, map_too: bool) -> None:
        """Say something above the map, or instead of it."""
        self.say_state(text)
        self.form.show_map(map_too)

    def _show(self) -> None:
        shown, form = self.shown, self.form
        if shown is None:
            return
        shown.refresh()
        names = shown.names
        colors = {c.name: c.color for c in self.classes}
        colors |= {n: c for n, c in palette(names).items() if n not in colors}
        colors[UNCLASSIFIED] = colors.pop(UNCLASSIFIED)  # the last one
        notes = [self._features_note]
        if not any(shown.classes):
            notes.append(tr(_NOT_CLASSIFIED))
        self._show_state(" ".join(filter(None, notes)), map_too=True)
        form.scatter.show_classes(names, colors)
        form.legend.show_classes(names, colors)
        self._show_lists()
        self.show_selection()
        if shown.classes != self._doubted_of and not self.busy:
            self._doubt_soon.start()

    def _show_lists(self) -> None:
        shown, form = self.shown, self.form
        if shown is None:
            return
        outliers = shown.outlier_rows()
        form.outliers.show_cells(outliers)
        few = len(shown) < FEWEST
        said = tr("Needs {n} cells.", n=FEWEST) if few else "" if outliers else "None."
        form.show_list("outliers", None if few else len(outliers), said)
        suspects = None if self.suspects is None else shown.suspect_rows(self.suspects)
        form.suspects.show_cells(suspects or [])
        said = "" if suspects else "None."
        if suspects is None:
            said = tr(TOO_FEW, cells=CELLS, few=CELLS_OF_CLASS)
        form.show_list("suspects", None if suspects is None else len(suspects), said)

    def show_selection(self) -> None:
        """Show which cells are selected, wherever that was done."""
        shown, form = self.shown, self.form
        if shown is None or self.acts.selecting:
            return
        chosen = shown.selection()
        form.scatter.show_selection(chosen)
        rows = chosen.nonzero()[0].tolist()
        form.outliers.pick(rows)
        form.suspects.pick(rows)
        for widget in (form.classify, form.go, form.similar):
            widget.setEnabled(bool(rows))
        selected = tr(", {n} selected", n=len(rows)) if rows else ""
        form.summary.setText(f"{in_words(len(shown))}{selected}; {tr(shown.map.layout.method)}.")

    def _tell(self, row: int, place: QPoint) -> None:
        found = None if self.shown is None else self.shown.cell(row)
        if found is not None:
            QToolTip.showText(place, self._tooltips.tell(*found), self.form.scatter)
