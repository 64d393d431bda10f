"""Sentences of the *Classify and count* widget."""

from __future__ import annotations

import pandas as pd

from napari_leukocyte.session.objects import READER
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.layers.objects_style import UNCLASSIFIED


def describe_state(session: Session | None, table: pd.DataFrame | None) -> str:
    """Say what there is to classify, and what has been classified by whom."""
    if session is None or table is None:
        return "Choose an image and the labels of its cells, then classify them."
    if not len(table):
        return "There are no objects yet."
    by_hand = int((table["source"] == READER).sum())
    parts = [f"{len(table)} object{'' if len(table) == 1 else 's'}"]
    if session.classifier is not None:
        parts.append(f"classified by {session.classifier}")
    if by_hand:
        parts.append(f"{by_hand} by hand")
    return ", ".join(parts)


def describe_selection(chosen: pd.DataFrame | None) -> tuple[str, str | None]:
    """Say what is selected.

    Parameters
    ----------
    chosen : pandas.DataFrame or None
        Rows of the selected objects; None without a layer to select them in.

    Returns
    -------
    text : str
        One sentence.
    common : str or None
        The class that all of them have; None if they differ or there are none.
    """
    if chosen is None:
        return "", None
    if not len(chosen):
        return (
            "Select objects on the image (Shift adds), then press a key or click a class.",
            None,
        )
    names = chosen["class"].fillna(UNCLASSIFIED)
    common = str(names.iloc[0]) if names.nunique() == 1 else None
    if len(chosen) > 1:
        counts = ", ".join(f"{n} {name}" for name, n in names.value_counts().items())
        return f"{len(chosen)} objects selected: {counts}", common
    row = chosen.iloc[0]
    text = f"Object {row['label']}: {names.iloc[0]}"
    if row["source"] == READER:
        text += ", by hand"
    elif pd.notna(row["confidence"]):
        text += f", {100 * row['confidence']:.0f} % sure"
    return f"{text}; diameter {row['equivalent_diameter_px']:.0f} px", common
