"""A model's card: everything known about it, in the rows in which widgets and commands show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from napari_leukocyte.models.figures import FigureTable, figure_tables, printable, spread
from napari_leukocyte.models.manifest import Manifest, Member
from napari_leukocyte.vocabulary import DISCLAIMER

#: The figure that stands for all, by what a model does: its name and how it is said in short.
_FIRST = {
    "segmentation": ("foreground_iou", "IoU"),
    "classification": ("balanced_accuracy", "balanced accuracy"),
}
_NOT_MEASURED = "Nothing was measured, or it was not written into the manifest."


@dataclass(frozen=True)
class Card:
    """What is known about a model.

    Attributes
    ----------
    name, title : str
        Of the model.
    rows : tuple of (str, str)
        Label and value, one line each.
    tables : tuple of FigureTable
        What was measured.
    fails : tuple of str
        What it is known to fail on, a sentence each.
    notes : tuple of str
        What else a user must know; the disclaimer is among them.
    """

    name: str
    title: str
    rows: tuple[tuple[str, str], ...]
    tables: tuple[FigureTable, ...]
    fails: tuple[str, ...]
    notes: tuple[str, ...]


def describe(manifest: Manifest) -> Card:
    """Describe a model.

    Parameters
    ----------
    manifest : Manifest
        Of any source: texts are made one line each, without control characters.

    Returns
    -------
    Card
    """
    rows: list[tuple[str, str]] = [("Does", manifest.kind)]
    rows += [("Member", _member(m)) for m in manifest.members]
    if manifest.classes:
        rows.append(("Classes", ", ".join(map(printable, manifest.classes))))
        rows.append(("Crops", f"{manifest.side_px} × {manifest.side_px} px"))
        rows.append(("Temperature", f"{manifest.temperature:.3g}"))
        if manifest.views > 1:
            rows.append(("Views", f"{manifest.views}, turned and mirrored, averaged"))
        if manifest.nucleus_density is not None:
            rows.append(("Stain", f"nuclei brought to a density of {manifest.nucleus_density:g}"))
    rows.append(("Gives", ", ".join(map(printable, manifest.outputs)) or "not stated"))
    trained_on = ", ".join(map(printable, manifest.training_data))
    rows.append(("Trained on", trained_on or "not stated"))
    rows += _origin(manifest.made_from)
    rows.append(("Licence", printable(manifest.licence) or "not stated"))
    rows += [("SHA-256", f"{m.sha256} ({printable(m.file.name)})") for m in manifest.members]
    rows.append(("Folder", printable(str(manifest.folder))))
    tables = figure_tables(manifest.figures)
    notes = () if tables else (_NOT_MEASURED,)
    return Card(
        name=printable(manifest.name),
        title=printable(manifest.title),
        rows=tuple(rows),
        tables=tables,
        fails=tuple(map(printable, manifest.fails)),
        notes=(*notes, DISCLAIMER),
    )


def headline(manifest: Manifest) -> str:
    """Say in a few words how good a model was, ``"IoU 0.93–0.96"``; empty if that is not known."""
    name, short = _FIRST[manifest.kind]
    said = []
    for group, where in (("held_out", ""), ("left_out", " elsewhere")):
        found = spread(manifest.figures, group, name)
        if found is not None:
            low, high = (f"{v:.2f}" for v in found)
            said.append((low if low == high else f"{low}–{high}") + where)
    return f"{short} {', '.join(said)}" if said else ""


def as_lines(card: Card) -> list[str]:
    """Return a card as lines of plain text."""
    lines = [f"{card.name}: {card.title}"]
    lines += [f"  {label}: {value}" for label, value in card.rows]
    for table in card.tables:
        lines.append(f"  {table.title}")
        for name, values in table.rows:
            lines += [
                f"    {dataset}, {name}: {value}"
                for dataset, value in zip(table.sets, values, strict=True)
            ]
    if card.fails:
        lines.append("  What it fails on")
        lines += [f"    {sentence}" for sentence in card.fails]
    return [*lines, *(f"  {note}" for note in card.notes)]


def _origin(made_from: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what a model was made of, if of anything that a user has."""
    named = {key: printable(str(value)) for key, value in made_from.items()}
    rows = []
    if "model" in named:
        rows.append(("Made from", f"{named['model']}, SHA-256 {named.get('sha256', 'not stated')}"))
    if "dataset" in named:
        rows.append(("Dataset", named["dataset"]))
    return rows


def _member(member: Member) -> str:
    try:
        n = member.file.stat().st_size
        size = f"{n / 1e6:.1f} MB" if n >= 1e5 else f"{n / 1e3:.1f} kB"
    except OSError:
        size = "its file is missing"
    return (
        f"{printable(member.name)}: weight {member.weight:g}, {size}, "
        f"leukocytes of {member.diameter_px:g} px"
    )
