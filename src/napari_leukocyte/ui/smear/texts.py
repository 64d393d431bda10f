"""The texts of the *Smear* dock."""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import datetime

from napari_leukocyte.analysis.smear.fields import FieldState
from napari_leukocyte.analysis.smear.persistence import SmearSignOff
from napari_leukocyte.analysis.smear.smear import Smear
from napari_leukocyte.counting.leukogram import in_order
from napari_leukocyte.language import tr, tr_n
from napari_leukocyte.ui.layers.objects_style import abbreviate

BEGIN = (
    "Open a folder of photographs of one smear: its fields are listed here, and their cells "
    "counted together."
)
CANCELLED = "Cancelled; the fields that were done stay so."
#: Classes that are named below a field's name.
_MOST_CLASSES = 5


def describe_state(state: FieldState, working: bool = False, double: str | None = None) -> str:
    """Say in a few words how far the work on a field is.

    Parameters
    ----------
    state : FieldState
        Its state.
    working : bool
        Whether it is being analysed right now.
    double : str, optional
        Name of the field that has the same pixels.
    """
    if double is not None:
        return tr("the same image as {double}", double=double)
    if working:
        return tr("being analysed …")
    if state.stage == "unread":
        return "…"
    if state.stage == "damaged":
        return tr("can't be read")
    if state.stage == "new":
        return tr("new")
    if state.stage == "signed off":
        return tr("signed off by {name}", name=state.reader) if state.reader else tr("signed off")
    if not state.objects:
        return tr("no cells")
    if not state.reviewed:
        return tr("segmented, {cells}", cells=_cells(state.objects))
    return tr("{reviewed} of {objects} reviewed", reviewed=state.reviewed, objects=state.objects)


def describe_counts(state: FieldState) -> str:
    """Count the classes of a field in their short names, the most frequent first."""
    names = sorted(in_order(state.counts), key=lambda n: -state.counts[n])
    parts = [f"{state.counts[n]} {abbreviate(n)}" for n in names[:_MOST_CLASSES]]
    rest = sum(state.counts[n] for n in names[_MOST_CLASSES:])
    if rest:
        parts.append(tr("{n} more", n=rest))
    if state.blind:
        parts.append(tr("{n} read blindly", n=state.blind))
    if state.unclassified > state.blind:
        parts.append(tr("{n} unclassified", n=state.unclassified - state.blind))
    return " · ".join(parts)


def describe_smear(smear: Smear, pace: str = "") -> str:
    """Sum a smear up in one line of rich text, with how far its analysis is if one is going on."""
    usable = smear.counted()
    states = [smear.state(i) for i in usable]
    if any(s.stage == "unread" for s in states):
        read = sum(s.stage != "unread" for s in states)
        return tr("Looking at the fields: {read} of {n}", read=read, n=len(smear))
    objects, reviewed = (sum(getattr(s, n) for s in states) for n in ("objects", "reviewed"))
    parts = [f"<b>{_fields(len(usable))}</b>"]
    waiting = sum(not s.analysed for s in states)
    if pace:
        parts.append(tr("analysed {pace}", pace=pace))
    elif waiting:
        parts.append(tr("{n} not analysed", n=waiting))
    if objects:
        parts.append(tr("{reviewed} of {cells} reviewed", reviewed=reviewed, cells=_cells(objects)))
    blind = sum(s.blind for s in states)
    if blind:
        parts.append(tr("{cells} read blindly, not counted", cells=_cells(blind)))
    signed = sum(s.stage == "signed off" for s in states)
    if signed:
        parts.append(tr("{n} signed off", n=signed))
    left_out = len(smear) - len(usable)
    if left_out:
        parts.append(tr("{n} left out", n=left_out))
    return " · ".join(parts)


def describe_sign_off(signed: SmearSignOff | None, refused: str = "") -> str:
    """Say, as rich text, who signed the smear off, or why that was refused; else nothing."""
    if signed is None:
        return f"⚠ {html.escape(tr(refused))}" if refused else ""
    who = tr(" by <b>{reader}</b>", reader=html.escape(signed.reader)) if signed.reader else ""
    text = tr("✓ The smear was signed off{who}, {moment}.", who=who, moment=moment(signed.when))
    if signed.left_out:
        text += tr(
            " Left out, since it can't be read: {left_out}.",
            left_out=html.escape(", ".join(signed.left_out)),
        )
    return text


def describe_failures(failed: Sequence[str]) -> str:
    """List the fields that failed, as rich text."""
    return "<br>".join(f"⚠ {html.escape(tr(sentence))}" for sentence in failed)


def moment(when: str) -> str:
    """Return a point of time, ISO 8601, in the user's own time."""
    try:
        return datetime.fromisoformat(when).astimezone().strftime(tr("%Y-%m-%d %H:%M"))
    except ValueError:
        return when


def _cells(number: int) -> str:
    return tr_n("{n} cell", "{n} cells", number)


def _fields(number: int) -> str:
    return tr_n("{n} field", "{n} fields", number)
