"""Objects of a labels layer: classified, counted, their results saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Image, Labels
from napari.utils.notifications import show_info, show_warning
from qtpy.QtWidgets import QMessageBox, QWidget

from napari_leukocyte.counting.leukogram import count_classes
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.language import tr, tr_n
from napari_leukocyte.segmentation.ensemble import MemberMaps
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.classify.form import ClassifyForm, describe_selection, describe_state
from napari_leukocyte.ui.classify.runner import Runner, unseen
from napari_leukocyte.ui.controls.own_classes_dialog import edit_own_classes
from napari_leukocyte.ui.dock import SessionDock, SharedParts, Ties
from napari_leukocyte.ui.jobs import Job, tell
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.labels_view import data_of, outline_width
from napari_leukocyte.ui.layers.objects_style import UNCLASSIFIED
from napari_leukocyte.ui.layers.objects_view import (
    TOGETHER_MS,
    ObjectsView,
    objects_view_of,
)
from napari_leukocyte.ui.leukogram.error_limits import errors_of
from napari_leukocyte.ui.own_classes import classes_now, notice
from napari_leukocyte.ui.saving import ask_and_save
from napari_leukocyte.ui.signals import BeforePaint

if TYPE_CHECKING:
    import napari


class ClassifyWidget(SessionDock):
    """Classify the objects of a labels layer, count them and save the results.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers it works on.
    shared : SharedParts, optional
        What it has in common with other docks.

    Attributes
    ----------
    form : ClassifyForm
        The controls.
    """

    rest_ms = TOGETHER_MS
    waits_for_rest = False
    few_at_once = True
    restores = True
    has_disclaimer = False  # the leukogram has it

    def __init__(self, viewer: napari.viewer.Viewer, *, shared: SharedParts | None = None) -> None:
        super().__init__(viewer, shared=shared)
        self._view: ObjectsView | None = None
        self._view_ties = Ties()
        self._maps: MemberMaps | None = None
        # No child of this widget: Qt may delete children before it says that their parent goes.
        self._runner = Runner()
        self._shown_job: Job | None = None
        self._selection_soon = BeforePaint(self._show_other_selection, self)
        self.form = form = ClassifyForm(self.viewer, self.image, self)
        form.layers.changed.connect(self._follow_chosen)
        form.kind.currentIndexChanged.connect(self._change_kind)
        form.names.toggled.connect(self._show_names)
        form.automatic.toggled.connect(self._set_automatic)
        form.classify.clicked.connect(self.classify)
        form.classify_new.clicked.connect(self._runner.classify_new)
        form.show_objects.clicked.connect(self._show_objects)
        form.legend.chosen.connect(self._assign)
        form.own_classes.clicked.connect(lambda: edit_own_classes(self))
        notice.changed.connect(self._follow_classes)
        form.copy.clicked.connect(self._copy)
        form.save.clicked.connect(self._save)
        self._runner.changed.connect(self._on_runner)
        self._runner.classified.connect(self._on_classified)
        self.lay_out(form.rows, form.head, form.body)
        self.begin()
        self._follow_classes()
        self._follow_view()
        self.update_now()

    def on_release(self) -> None:
        """Let go of layers and runner."""
        self.form.layers.release()
        self._view_ties.release()
        self._runner.close()

    def on_show(self) -> None:
        """Look again which classifiers and classes there are: training may have added one."""
        self.form.model.refresh()
        self._follow_classes()
        self.update_soon()

    @property
    def busy(self) -> bool:
        """Whether objects are being classified."""
        return self._runner.running

    # -- choices --------------------------------------------------------------------------

    def wanted_sessions(self) -> list[Session]:
        """Return the session that image and labels belong to, if they belong together."""
        session = self.form.layers.session
        return [] if session is None else [session]

    def on_session(self) -> None:
        """Follow the session with what looks after its new objects."""
        session = self.session
        self._runner.follow(session)
        self._maps = None if session is None else session.maps
        self._follow_view()
        self.update_soon()

    def on_table(self, labels: frozenset[int] | None = None) -> None:
        """Classify what a run has just found, if the user wants that of new objects."""
        session, former = self.session, self._maps
        self._maps = None if session is None else session.maps
        # What is known already, or done again, the runner and the history see to.
        # In one window with the segmentation, that window asks whether a run classifies.
        wanted = self._runner.automatic and not self._shares
        if session is not None and self._maps is not former and wanted:
            model = self.form.model.model()
            first = session.classifier is None and not session.can_redo
            if first and model is not None and session.labels.any():
                self._runner.start(model.name)
        super().on_table(labels)

    def on_selection(self) -> None:
        """Show nothing: what is selected in the objects layer is shown."""

    def _follow_chosen(self) -> None:
        self.follow_now()
        self._follow_view()
        self.update_soon()

    def _follow_view(self) -> None:
        """Follow the layer with the session's objects, if there is one."""
        session = self.session
        view = None if session is None else objects_view_of(self.viewer, session)
        if view is self._view:
            return
        self._view_ties.release()
        self._view = view
        if view is not None:
            self._view_ties.connect(view.selection_changed, self._selection_soon.ask)
            self._view_ties.connect(view.closed, self._follow_chosen)
            self.form.kind.setCurrentIndex(self.form.kind.findData(view.kind))
            self.form.names.setChecked(view.layer.text.visible)

    def _on_runner(self) -> None:
        """Show what the runner does in the line for progress."""
        if self._shown_job is not None:
            self.progress.leave(self._shown_job)
        self._shown_job = self._runner.job
        if self._shown_job is not None:
            self.progress.follow(self._shown_job)
        self.update_soon()

    # -- what the user does ---------------------------------------------------------------

    def _take_chosen(self) -> Session | None:
        """Return the session of the chosen layers, made if need be; None after telling why not."""
        image, labels = self.form.layers.image, self.form.layers.labels
        if image is None or labels is None:
            missing = "an image" if image is None else "a labels layer"
            show_warning(
                tr(
                    "Choose {missing} first; “Segment leukocytes” makes labels of an image.",
                    missing=tr(missing),
                )
            )
            return None
        try:
            session = take_labels(self, self.viewer, image, labels)
        except LeukocyteError as error:
            tell(error)
            return None
        if session is None:
            return None
        self._follow_chosen()
        if session.labels.max(initial=0) == 0:
            show_warning(
                tr(
                    "“{name}” has no objects yet: segment the image or paint some.",
                    name=labels.name,
                )
            )
            return None
        return session

    def classify(self) -> None:
        """Classify all objects of the chosen labels with the chosen classifier."""
        model = self.form.model.model()
        if model is None:
            show_warning(tr("There is no classifier: install napari-leukocyte again or train one."))
        elif self._take_chosen() is not None:
            self._runner.start(model.name)

    def _on_classified(self, session: Session) -> None:
        if session is self.session and self._view is None:
            self._open_view()

    def _show_objects(self) -> None:
        if self._take_chosen() is not None and self._view is None:
            self._open_view()

    def _open_view(self) -> None:
        """Show the session's objects as a layer."""
        session = self.session
        image = None if session is None else self.image_layer()
        labels = self.form.layers.labels
        if session is not None and image is not None:
            if labels is not None and labels.contour == 0:
                labels.contour = outline_width(session.labels.shape)
            ObjectsView(self.viewer, session, image, self.form.kind.currentData())
            self._follow_view()
            self.update_soon()

    def _change_kind(self) -> None:
        view = self._view
        if view is None or view.kind == self.form.kind.currentData():
            return
        selected, names = view.selected, view.layer.text.visible
        view.close()
        self._open_view()
        if self._view is not None:
            self._view.select(selected)
            self._view.layer.text.visible = names

    def _show_names(self, visible: bool) -> None:
        if self._view is not None:
            self._view.layer.text.visible = visible

    def _set_automatic(self, automatic: bool) -> None:
        self._runner.automatic = automatic
        if automatic:
            self._runner.classify_new()
        self.update_soon()

    def _assign(self, name: str) -> None:
        if self._view is None:
            show_info(tr("Show the objects first, then select those that this class is for."))
        else:
            self._view.assign(name)

    def _follow_classes(self, *_: object) -> None:
        """Look again which classes there are."""
        self.form.legend.set_classes(classes_now())

    def _copy(self) -> None:
        self.form.leukogram.copy()
        self.viewer.status = tr("The differential was copied.")

    def _save(self) -> None:
        session = self.session
        if session is not None:
            layer = self.image_layer()
            ask_and_save(self, session, layer, self.form.leukogram.settings)

    # -- what is shown --------------------------------------------------------------------

    def update_now(self) -> None:
        """Show the session's state; many changes in a row are shown together."""
        self._follow_view()
        form, session, running = self.form, self.session, self._runner.running
        table = None if session is None else session.shown_table()
        any_objects = table is not None and len(table) > 0
        form.classify.setEnabled(not running and form.layers.image is not None)
        form.show_objects.setVisible(self._view is None)
        new = 0
        if session is None or table is None:
            form.legend.show_counts({})
            form.leukogram.show_table(None)
        else:
            counts = count_classes(table)
            counts[UNCLASSIFIED] = len(table) - counts.total()
            form.legend.show_counts(counts)
            form.leukogram.show_table(table, errors_of(session), session.predictions)
            if session.classifier is not None:
                new = len(unseen(session.table(), session.predictions))
        form.automatic.setChecked(self._runner.automatic)
        form.classify_new.setVisible(new > 0 and not form.automatic.isChecked())
        form.classify_new.setText(tr_n("Classify {n} new object", "Classify {n} new objects", new))
        form.classify_new.setEnabled(not running)
        self.say_state(describe_state(session, table))
        form.copy.setEnabled(form.leukogram.leukogram is not None)
        form.save.setEnabled(any_objects)
        self._show_selection()

    def _show_other_selection(self) -> None:
        if not self._before_paint.waiting:  # or it comes with everything
            self._show_selection()

    def _show_selection(self) -> None:
        self._selection_soon.stop()
        view = self._view
        chosen = view.rows() if view is not None else None
        text, common = describe_selection(chosen)
        self.form.selection.setText(text)
        self.form.legend.mark(common)


def take_labels(parent: QWidget, viewer: Any, image: Image, labels: Labels) -> Session | None:
    """Return the session of an image whose objects are those of a labels layer.

    If the image's session already has objects, of another layer, it starts afresh: classes are
    kept by number, and the same number means another cell there. That layer stays as it is.

    Parameters
    ----------
    parent : QWidget
        Of the question that is asked if classes given by hand would be lost.
    viewer : napari.Viewer
        In which the layers are.
    image : napari.layers.Image
        The photograph.
    labels : napari.layers.Labels
        Of its cells.

    Returns
    -------
    Session or None
        None if the user thought better of it.

    Raises
    ------
    ImageError
        If the image or the labels cannot be used.
    """
    session = links.session_of(image)
    if links.session_of_labels(viewer, labels) is session:
        return session
    if session.labels.any():
        if session.assigned and not _may_end(parent, image, labels, len(session.assigned)):
            return None
        view = objects_view_of(viewer, session)
        if view is not None:
            view.close()
        former = links.unbind_all(session)
        try:
            session.start_afresh(data_of(labels))
        except LeukocyteError:
            for layer in former:
                links.bind_labels(viewer, session, layer)
            raise
    links.bind_labels(viewer, session, labels)
    return session


def _may_end(parent: QWidget, image: Image, labels: Labels, number: int) -> bool:
    yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
    question = tr(
        "“{name}” has objects of another labels layer, {n} of them classified by hand. "
        "Take the objects of “{name2}” instead and lose those classes?",
        name=image.name,
        n=number,
        name2=labels.name,
    )
    return bool(QMessageBox.question(parent, tr("Other labels?"), question, yes | no, no) == yes)
