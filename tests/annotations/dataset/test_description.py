from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from napari_leukocyte.annotations.dataset.export_state import ExportSettings
from napari_leukocyte.annotations.dataset.opening import open_dataset
from napari_leukocyte.vocabulary import DISCLAIMER
from tests.annotations.dataset.worked import export_all

# In a process of its own: what it imports gives warnings of many kinds.
_READ = """
import json, sys
import mlcroissant
dataset = mlcroissant.Dataset(sys.argv[1])
issues = dataset.metadata.ctx.issues
records = [
    {k: v.decode() if isinstance(v, bytes) else v for k, v in record.items()}
    for record in dataset.records("objects")
]
keys = ("objects/image", "objects/label", "objects/class", "objects/area_px", "objects/reviewed")
print(json.dumps({
    "problems": [*map(str, issues.errors), *map(str, issues.warnings)],
    "records": [[record[k] for k in keys] for record in records],
}))
"""


@pytest.mark.skipif(importlib.util.find_spec("mlcroissant") is None, reason="no mlcroissant")
def test_croissant_finds_no_fault_and_reads_the_objects(folder: Path, place: Path) -> None:
    settings = ExportSettings(title="Smears of a week", licence="CC-BY-4.0")
    export_all(place, folder, settings)
    dataset = open_dataset(place)
    command = [sys.executable, "-W", "ignore", "-c", _READ, str(dataset.folder / "croissant.json")]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    told = json.loads(found.stdout.splitlines()[-1])
    assert told["problems"] == []
    columns = ["image", "label", "class", "area_px", "reviewed"]
    expected = dataset.objects()[columns].to_numpy(object).tolist()
    assert told["records"] == expected


def test_the_datasheet_says_what_is_in_it(folder: Path, place: Path) -> None:
    export_all(place, folder, ExportSettings(title="<b>Week</b> | 7", licence="CC0-1.0"))
    dataset = open_dataset(place)
    sheet = (dataset.folder / "datasheet.md").read_text(encoding="utf-8")
    page = (dataset.folder / "datasheet.html").read_text(encoding="utf-8")
    for text in (sheet, page):
        assert DISCLAIMER in text
        assert "CC0-1.0" in text
        assert "3 photographs of 3 groups with 7 cells" in text
        assert "Ada (7 cells)" in text
    assert "| monocyte | 4 | 0 | 0 | 4 |" in sheet
    assert "&lt;b&gt;Week&lt;/b&gt;" in page
    assert "<b>" not in page
