"""A model's card: everything known about it and its figures, as widgets and commands show it.

The manifest's ``figures`` have up to two groups, each with figures by the set of photographs::

    {"held_out": {"bccd": {"photographs": 34,
                           "foreground_iou": 0.9269, "foreground_iou_95": [0.919, 0.934]}},
     "left_out": {"bccd": {"foreground_iou": 0.871, "foreground_iou_95": [0.85, 0.89]}}}

``held_out`` photographs took no part in training, but others of their set did; sets that were
``left_out`` of training altogether tell what to expect elsewhere. ``X_95`` is the 95 % interval of
``X``. Figures in a dictionary of their own (recall by class) are named ``recall, neutrophil``. The
older flat form, ``{"X_on_held-out_photographs": {set: value}}``, is read as ``held_out``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from napari_leukocyte.language import decimal, tr
from napari_leukocyte.models.manifest import Manifest, Member
from napari_leukocyte.vocabulary import DISCLAIMER

#: The figure that stands for all, by what a model does: its name and how it is said in short.
_FIRST = {
    "segmentation": ("foreground_iou", "IoU"),
    "classification": ("balanced_accuracy", "balanced accuracy"),
}
_NOT_MEASURED = "Nothing was measured, or it was not written into the manifest."
GROUPS = {
    "held_out": "Held-out photographs (others of the same set were trained on)",
    "left_out": "Sets left out of training altogether",
}
#: Set under which figures stand that are of no set in particular.
ALL = "all"
#: What stands where a set lacks a figure.
MISSING = "–"
#: Ends the name of a figure's 95 % interval.
INTERVAL = "_95"
#: Ends a figure's name in manifests of the older form.
_FORMER = "_on_held-out_photographs"
#: Manifests are written by hand or by programs unknown: what is longer, deeper or larger is no
#: figure.
_LONGEST_TEXT = 200
_DEEPEST = 3
_LARGEST = 1e300


@dataclass(frozen=True)
class FigureTable:
    """A group of figures.

    Attributes
    ----------
    title : str
        What the photographs were.
    sets : tuple of str
        Heads of the columns.
    rows : tuple of (str, tuple of str)
        A figure's name, and its value with its interval for every set.
    """

    title: str
    sets: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Card:
    """Everything known about a model, ready to be shown.

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
    for group, where in (("held_out", ""), ("left_out", tr(" elsewhere"))):
        found = spread(manifest.figures, group, name)
        if found is not None:
            low, high = (decimal(f"{v:.2f}") for v in found)
            said.append((low if low == high else f"{low}–{high}") + where)
    return f"{tr(short)} {', '.join(said)}" if said else ""


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


def figure_tables(figures: Mapping[str, Any]) -> tuple[FigureTable, ...]:
    """Sort figures into tables.

    Parameters
    ----------
    figures : mapping
        Of a manifest; whatever it holds, something is shown.

    Returns
    -------
    tuple of FigureTable
        Held out, left out and others, without those that would be empty.
    """
    groups = by_set(figures)
    tables = [_table(GROUPS.get(name, spaced(name)), sets) for name, sets in groups.items()]
    return tuple(t for t in tables if t.rows)


def by_set(figures: Mapping[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return figures as group, set, name and value; intervals are still figures of their own."""
    groups: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in GROUPS}
    for name, value in figures.items():
        if name in GROUPS and isinstance(value, Mapping):
            for key, inner in value.items():
                if isinstance(inner, Mapping):
                    groups[name].setdefault(key, {}).update(_flat(inner))
                else:
                    groups[name].setdefault(ALL, {})[key] = inner
        elif name.endswith(_FORMER) and isinstance(value, Mapping):
            for dataset, number in value.items():
                groups["held_out"].setdefault(dataset, {})[name.removesuffix(_FORMER)] = number
        else:
            groups.setdefault("other figures", {}).setdefault(ALL, {}).update(_flat({name: value}))
    return groups


def spread(figures: Mapping[str, Any], group: str, name: str) -> tuple[float, float] | None:
    """Return the least and the largest value of a figure over a group's sets; None without any."""
    values = [s.get(name) for s in by_set(figures).get(group, {}).values()]
    numbers = [float(v) for v in values if _is_number(v)]
    return (min(numbers), max(numbers)) if numbers else None


def spaced(name: str) -> str:
    """Return a name of a manifest as words."""
    words = " ".join(str(name).replace("_", " ").split())
    return printable(words.replace("iou", "IoU"))


def printable(text: str) -> str:
    """Return a text from a file as one line without control characters, not endlessly long."""
    line = "".join(c if c.isprintable() else " " for c in text).strip()
    return line if len(line) <= _LONGEST_TEXT else line[: _LONGEST_TEXT - 1] + "…"


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


def _flat(values: Mapping[str, Any], before: str = "", depth: int = 0) -> dict[str, Any]:
    """Return nested figures side by side; what lies too deep to be one is left out."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            if depth < _DEEPEST:
                flat |= _flat(value, f"{before}{name}, ", depth + 1)
        else:
            flat[f"{before}{name}"] = value
    return flat


def _table(title: str, sets: Mapping[str, Mapping[str, Any]]) -> FigureTable:
    names = dict.fromkeys(
        name
        for values in sets.values()
        for name in values
        if not (name.endswith(INTERVAL) and name.removesuffix(INTERVAL) in values)
    )
    rows = tuple((spaced(n), tuple(_value(values, n) for values in sets.values())) for n in names)
    return FigureTable(title, tuple(printable(str(s)) for s in sets), rows)


def _value(values: Mapping[str, Any], name: str) -> str:
    if name not in values:
        return MISSING
    text = _text(values[name])
    interval = values.get(name + INTERVAL)
    if (
        isinstance(interval, (list, tuple))
        and len(interval) == 2
        and all(map(_is_number, interval))
    ):
        text += f" [{_text(float(interval[0]))}, {_text(float(interval[1]))}]"
    return text


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}" if math.isfinite(value) else MISSING
    if isinstance(value, (bool, int, str)):
        return printable(str(value))
    return MISSING


def _is_number(value: object) -> TypeGuard[int | float]:
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and -_LARGEST < value < _LARGEST
    )
