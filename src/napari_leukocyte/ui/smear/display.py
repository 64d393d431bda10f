"""Show the state of a smear in the widget's controls."""

from __future__ import annotations

from napari_leukocyte.analysis.smear.fields import state_of_session
from napari_leukocyte.ui.leukogram.error_limits import errors_of
from napari_leukocyte.ui.smear import texts
from napari_leukocyte.ui.smear.desk import Desk


def take_state_of_shown(desk: Desk) -> None:
    """Take over the state of the field in the viewer; what is on the disk is the same but later."""
    smear, row, session = desk.smear, desk.shown_row, desk.session
    if smear is None or row is None or session is None or not session.is_persisted:
        return
    former = smear.state(row)
    state = state_of_session(session, former.key)
    # What was just looked at on the disk has a checksum, too.
    if former.key and state != former.without_digest():
        smear.show(row, state)
        desk.form.model.refresh(row)


def show_everything(desk: Desk) -> None:
    """Show the state of the smear, of its fields together and of the one in the viewer."""
    take_state_of_shown(desk)
    form, smear, session = desk.form, desk.smear, desk.session
    states = [] if smear is None else [smear.state(i) for i in smear.counted()]
    analysed = any(s.analysed for s in states)
    form.summary.setText(texts.BEGIN if smear is None else texts.describe_smear(smear))
    form.fields.setVisible(smear is not None)
    for button in (form.previous, form.next, form.next_open, form.sign_smear):
        button.setEnabled(smear is not None)
    running = desk.background.analysis is not None
    form.analyse.setText("Cancel the analysis" if running else "Analyse all")
    form.analyse.setEnabled(running or any(s.to_do for s in states))
    form.save.setEnabled(analysed)
    form.report.setEnabled(analysed)
    form.report_field.setEnabled(session is not None and bool(session.labels.any()))
    _show_sign_off(desk)
    _show_counts(desk, analysed)


def _show_counts(desk: Desk, analysed: bool) -> None:
    """Count again, which takes longest, if there is anything else to count."""
    form, smear, session = desk.form, desk.smear, desk.session
    whole = None if smear is None or not analysed else (smear.totals(), smear.sure())
    # The session may be another one in the same place of memory.
    one = None if session is None else (session.name, id(session), session.revision, session.hidden)
    former, desk.counted = desk.counted, (whole, one)
    if whole != former[0]:
        cells = None if smear is None or whole is None else smear.cells()
        form.smear_leukogram.show_table(cells, errors_of(session), session)
    if one != former[1]:
        table = None if session is None else session.shown_table()
        form.field_leukogram.show_table(table, errors_of(session), session)
    for tab, view, name in (
        (0, form.smear_leukogram, "All fields"),
        (1, form.field_leukogram, "This field"),
    ):
        counted = view.leukogram
        number = 0 if counted is None else int(counted["total"].iloc[0])
        form.tabs.setTabText(tab, f"{name} (n = {number})" if number else name)


def _show_sign_off(desk: Desk) -> None:
    form, session = desk.form, desk.session
    signed = session is not None and session.signed_off is not None
    form.sign_field.setEnabled(session is not None)
    form.sign_field.setText("Withdraw sign-off" if signed else "Sign off field")
    whole = None if desk.smear is None else desk.smear.signed_off
    form.sign_smear.setText("Withdraw sign-off" if whole else "Sign off smear")
    form.signed.say(texts.describe_sign_off(whole, desk.refused), rich=True)
