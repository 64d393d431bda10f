"""The columns of the table of objects, held against the tables and the pages on them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_leukocyte.annotations.dataset.objects import tidy
from napari_leukocyte.classification.measurements import measure
from napari_leukocyte.reporting.save import objects_table
from napari_leukocyte.schema import (
    BOX,
    COLUMNS,
    DATASET_BACK,
    DATASET_FRONT,
    LABEL,
    MEASURED,
    RESULTS_FRONT,
    SESSION_BACK,
    class_of,
    column_of,
    probabilities_of,
    probability_column,
)
from napari_leukocyte.session.objects import object_table

DTYPES = {"whole number": "int64", "number": "float64", "true or false": "bool", "text": "str"}
REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
LABELS = np.kron(np.diag([1, 2]), np.ones((9, 9), int))
MEASURES = list(MEASURED[1:])
PREDICTED = pd.DataFrame(
    {"class": ["basophil", "monocyte"], "confidence": [0.7, 0.8], "p_basophil": [0.7, 0.2]},
    index=[1, 2],
)


@pytest.fixture(scope="module")
def session_table() -> pd.DataFrame:
    return object_table(measure(LABELS), PREDICTED, {}, [])


def test_every_form_has_its_columns_in_order(session_table: pd.DataFrame) -> None:
    assert list(measure(LABELS)) == list(MEASURED)
    front = ["class", "confidence", "p_basophil"]
    assert list(session_table) == [LABEL, *front, *MEASURES, *SESSION_BACK]
    results = list(objects_table([("one.png", session_table)]))
    assert results == [*RESULTS_FRONT, "p_basophil", *MEASURES, *SESSION_BACK]
    dataset = list(tidy(session_table.assign(score=0.5)))
    assert dataset == [*DATASET_FRONT, "p_basophil", *DATASET_BACK]
    assert set(dataset) == {*COLUMNS, "p_basophil"}
    assert set(BOX) < set(MEASURED)


def test_every_form_has_the_types(session_table: pd.DataFrame) -> None:
    for table in (measure(LABELS), session_table, tidy(session_table)):
        found = {str(name): str(column.dtype) for name, column in table.items()}
        assert found == {name: DTYPES[column_of(name).kind] for name in found}


def test_probabilities() -> None:
    name = probability_column("immature granulocyte")
    assert probabilities_of(["y", name, 3]) == [name] == ["p_immature_granulocyte"]
    assert class_of(name) == "immature_granulocyte"
    assert column_of(name).description == (
        "the classifier's probability of immature granulocyte, 0 to 1"
    )


def test_the_pages_describe_the_columns() -> None:
    page = (REFERENCE / "dataset.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", page, re.M)
    described = [(c.name, c.kind, c.description) for c in COLUMNS.values()]
    assert [row for row in rows if row[0] in COLUMNS] == described
    page = (REFERENCE / "files.md").read_text("utf-8")
    section = page.partition("## objects.csv")[2].partition("\n## ")[0]
    table, _, beside = section.partition("Saved from the window")
    rows = re.findall(r"^\| (`.+?`) \| .+? \|(.*)\|$", table, re.M)
    named = [(name, unit.strip()) for names, unit in rows for name in re.findall(r"`(.+?)`", names)]
    expected = [*RESULTS_FRONT, "p_CLASS", *MEASURED[1:]]
    assert [name for name, _ in named] == expected
    units = {name: unit for name, unit in named if unit.startswith("px")}
    assert units == {c.name: c.unit for c in COLUMNS.values() if c.unit}
    assert re.findall(r"`(\w+)`", beside) == list(SESSION_BACK)
