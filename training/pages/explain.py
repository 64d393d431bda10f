"""The tables of ``docs/measured/explanations.md``: faithful explanations, right attributes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from napari_leukocyte.interpretation.scoring import TITLES
from training.fitting import RESULTS
from training.pages.render import MEASURED, interval, render, write_parts

PAGE = MEASURED / "explanations.md"


def write_tables(page: Path = PAGE, results: Path = RESULTS) -> Path:
    """Write those tables into the page of which there are results; all else stays.

    Raises
    ------
    ValueError
        If the page lacks the marks between which a table belongs.
    """
    parts = {}
    for name, part in (("faithfulness", faithfulness), ("attributes", attributes)):
        result = results / f"{name}.json"
        if result.is_file():
            parts[name] = part(json.loads(result.read_text(encoding="utf-8")))
    return write_parts(page, parts)


def faithfulness(result: dict[str, Any]) -> str:
    """Return the part on the faithfulness of maps, from ``faithfulness.json``."""
    chance, methods, shuffled = result["random"], result["methods"], result["shuffled"]
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
    best = result["best_within_limit"]
    return render(
        "faithfulness",
        result=result,
        rows=rows,
        shuffled_head=["Method", *(f"{which} shuffled" for which in shuffled)],
        shuffled_rows=[
            [_title(name), *(_figure(shuffled[which][name]) for which in shuffled)]
            for name in methods
        ],
        best=_title(best) if best else "none",
    )


def attributes(result: dict[str, Any]) -> str:
    """Return the part on the attributes, from ``attributes.json``."""
    rows = [
        [
            name,
            str(len(f["values"])),
            interval(f["macro_f1"], f["macro_f1_95"]),
            f"{f['macro_f1_of_commonest']:.3f}",
            interval(f["accuracy"], f["accuracy_95"]),
            f"{f['accuracy_of_commonest']:.3f}",
        ]
        for name, f in result["figures"].items()
    ]
    known = result.get("known_cells")
    # Of how many neighbours the shares are stands in the key, such as "of_9_nearest".
    key = next((k for k in known if k.startswith("of_")), "") if known else ""
    return render("attributes", result=result, rows=rows, known=known, key=key)


def _title(name: str) -> str:
    method, _, fill = name.partition(", ")
    title = next((t for m, t in TITLES.items() if m == method), method)
    return f"{title}, {fill} instead" if fill else title


def _figure(estimate: dict[str, float]) -> str:
    return interval(estimate["mean"], [estimate["low"], estimate["high"]])
