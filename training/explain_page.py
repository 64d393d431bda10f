"""The tables of ``docs/explain.md``: what was measured of the explanations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from napari_leukocyte.interpretation.scoring import TITLES
from training.card_pages import SETS
from training.fitting import RESULTS
from training.tables import markdown_table

PAGE = Path(__file__).parents[1] / "docs" / "explain.md"
#: Between these lines the page is written anew; all else is prose.
BEGIN, END = "<!-- {}: written by python -m training {} -->", "<!-- end of {} -->"


def write_tables(page: Path = PAGE, results: Path = RESULTS) -> Path:
    """Write those tables into the page of which there are results; all else stays.

    Raises
    ------
    ValueError
        If the page lacks the lines between which a table belongs.
    """
    text = page.read_text(encoding="utf-8")
    for name, lines in (("faithfulness", faithfulness_lines), ("attributes", attribute_lines)):
        result = results / f"{name}.json"
        if result.is_file():
            text = replaced(text, name, lines(json.loads(result.read_text(encoding="utf-8"))))
    page.write_text(text, encoding="utf-8")
    return page


def faithfulness_lines(result: dict[str, Any]) -> list[str]:
    """Return the tables of the faithfulness test."""
    chance, methods = result["random"], result["methods"]
    rows = [
        [
            _title(name),
            _figure(m["deletion"]),
            _figure(m["insertion"]),
            _figure(m["gain"]),
            f"{100 * m['inside']:.0f} %",
            f"{m['runs']:.0f}",
            f"{m['runtime_median']:.2f}",
        ]
        for name, m in sorted(methods.items(), key=lambda pair: -pair[1]["gain"]["mean"])
    ]
    rows.append(
        ["*maps by chance*", _figure(chance["deletion"]), _figure(chance["insertion"]), *4 * [""]]
    )
    head = ["Method", "Deletion ↓", "Insertion ↑", "Gain ↑", "In the cell", "Runs", "Seconds"]
    shuffled = result["shuffled"]
    mixed = [
        [_title(name), *(_figure(shuffled[which][name]) for which in shuffled)] for name in methods
    ]
    cells = ", ".join(f"{n} of {SETS[d]}" for d, n in result["cells"].items())
    best = result["best_within_limit"]
    return [
        f"Classifier {result['model']}, {result['views']} view"
        f"{'' if result['views'] == 1 else 's'}; held-out cells: {cells}. Runs are the images that "
        "networks see for one map. Seconds are the median on a machine that was busy with other "
        "work at the time.",
        "",
        *markdown_table(head, rows),
        "",
        f"Most faithful of those with at most {result['most_runs']} runs, about half a second on a "
        f"quiet machine: **{_title(best) if best else 'none'}**.",
        "",
        "Absolute rank correlation of maps with those of the classifier with shuffled weights "
        "(0: the map depends on what was learned; 1: it does not):",
        "",
        *markdown_table(["Method", *(f"{w} shuffled" for w in shuffled)], mixed),
    ]


def attribute_lines(result: dict[str, Any]) -> list[str]:
    """Return the table of the attributes."""
    rows = [
        [
            name,
            str(len(f["values"])),
            _interval(f["macro_f1"], f["macro_f1_95"]),
            f"{f['macro_f1_of_commonest']:.3f}",
            _interval(f["accuracy"], f["accuracy_95"]),
            f"{f['accuracy_of_commonest']:.3f}",
        ]
        for name, f in result["figures"].items()
    ]
    head = ["Attribute", "Values", "Macro F1", "commonest", "Accuracy", "commonest"]
    lines = [
        f"Classifier {result['model']}; trained on {result['trained_on']}; measured on "
        f"{result['held_out']}. *Commonest*: always saying the commonest value.",
        "",
        *markdown_table(head, rows),
    ]
    known = result.get("known_cells")
    if known:
        key = next(k for k in known if k.startswith("of_"))
        shares = "; ".join(f"{SETS[d]} {100 * v:.0f} %" for d, v in known[key].items())
        lines += [
            "",
            f"Similar cells are looked for among {sum(known['cells'].values())} cells of the "
            f"training sides. Of the {key.split('_')[1]} nearest to a held-out cell, so many are "
            f"of its true class: {shares}.",
        ]
    return lines


def replaced(text: str, name: str, lines: list[str]) -> str:
    """Return a page's text with the lines between a name's marks written anew.

    Raises
    ------
    ValueError
        If it lacks the marks.
    """
    begin, end = BEGIN.format(name, name), END.format(name)
    if begin not in text or end not in text:
        raise ValueError(f"The page has no place for the table {name!r}.")
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n" + "\n".join(lines).rstrip() + f"\n\n{end}{after}"


def _title(name: str) -> str:
    method, _, fill = name.partition(", ")
    title = next((t for m, t in TITLES.items() if m == method), method)
    return f"{title}, {fill} instead" if fill else title


def _figure(estimate: dict[str, float]) -> str:
    return _interval(estimate["mean"], [estimate["low"], estimate["high"]])


def _interval(value: float, limits: list[float]) -> str:
    return f"{value:.3f} [{limits[0]:.3f}, {limits[1]:.3f}]"
