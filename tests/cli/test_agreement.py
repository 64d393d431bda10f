from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from napari_leukocyte.vocabulary import DISCLAIMER

FIRST = ["neutrophil"] * 5 + ["monocyte"] * 3 + ["basophil", ""]
SECOND = ["neutrophil"] * 4 + ["monocyte"] * 3 + ["neutrophil", "basophil", "basophil"]


def write(folder: Path, classes: list[str], first: int = 1) -> Path:
    folder.mkdir(exist_ok=True)
    rows = [("1.png", n, name) for n, name in enumerate(classes, start=first)]
    path = folder / "objects.csv"
    pd.DataFrame(rows, columns=["image", "label", "class"]).to_csv(path, index=False)
    return path


@pytest.fixture
def readers(tmp_path: Path) -> tuple[Path, Path]:
    """Return two files: ten cells, and of these nine and three others."""
    write(tmp_path / "a", FIRST)
    return tmp_path / "a" / "objects.csv", write(tmp_path / "b", [*SECOND, "monocyte", "basophil"])


def test_two_readers_are_compared(cli: Any, readers: tuple[Path, Path], tmp_path: Path) -> None:
    done = cli("agreement", readers[0], tmp_path / "b", "--out", tmp_path / "pairs.csv")
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert "Cells compared: 9" in lines
    assert "Only in the first, on images of both: 0" in lines
    assert "Only in the second, on images of both: 2" in lines
    assert "In both, but without a class in one of them: 1" in lines
    # By hand: 7 of 9; chance (5*5 + 3*3 + 1*1) / 81; Clopper-Pearson from a table.
    assert "Agreement: 77.8 %, 7 of 9 (95 % limits 40.0 to 97.2 %)" in lines
    kappa = (7 / 9 - 35 / 81) / (1 - 35 / 81)
    assert any(line.startswith(f"Cohen's kappa: {kappa:.3f} (95 % limits ") for line in lines)
    rows = [line.split()[-3:] for line in lines if line[:4] in ("NEU ", "MON ", "BAS ")]
    assert rows == [["4", "0", "1"], ["0", "1", "0"], ["1", "0", "2"]]
    assert next(line.split() for line in lines if "\\" in line)[3:] == ["NEU", "BAS", "MON"]
    assert lines[-1] == DISCLAIMER
    pairs = pd.read_csv(tmp_path / "pairs.csv")
    assert list(pairs.columns) == ["image", "label_first", "label_second", "first", "second"]
    assert len(pairs) == 10


def test_nothing_in_common_but_the_image(cli: Any, tmp_path: Path) -> None:
    done = cli("agreement", write(tmp_path / "a", FIRST), write(tmp_path / "b", FIRST, 50))
    assert done.exit_code == 0
    assert "There is no cell to which both gave a class." in done.stdout
    assert "nan" not in done.stdout


@pytest.mark.parametrize(
    ("classes", "heads"),
    [(["monocyte", "monoblast"], ["MON", "MOB"]), (["blast, large", "blast, small"], ["1", "2"])],
)
def test_classes_that_begin_alike_are_told_apart(
    cli: Any, tmp_path: Path, classes: list[str], heads: list[str]
) -> None:
    done = cli("agreement", write(tmp_path / "a", classes), write(tmp_path / "b", classes))
    assert "Cohen's kappa: 1.000" in done.stdout
    for name, head in zip(classes, heads, strict=True):
        row = next(line for line in done.stdout.splitlines() if name in line)
        assert row.split()[0] == head


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "can't be read"),
        ("a,b\n1,2\n", "needs the columns"),
        ("image,label,class\n1.png,99999999999999999999,x\n", "needs the columns"),
        ("image,label,class\n2.png,1,x\n", "no image in common"),
        ("image,label,class\n1.png,1,x\n1.png,1,y\n", "twice"),
    ],
)
def test_bad_input_is_one_sentence(
    readers: tuple[Path, Path], tmp_path: Path, cli: Any, text: str | None, sentence: str
) -> None:
    bad = tmp_path / "bad.csv"
    if text is not None:
        bad.write_text(text)
    done = cli("agreement", readers[0], bad, "--out", tmp_path / "pairs.csv")
    assert (done.exit_code, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "pairs.csv").exists()


def test_no_readers_file_is_replaced(cli: Any, readers: tuple[Path, Path], tmp_path: Path) -> None:
    before = readers[1].read_bytes()
    done = cli("agreement", *readers, "--out", readers[1], "--overwrite")
    assert done.exit_code == 2
    assert readers[1].read_bytes() == before
    out = tmp_path / "pairs.csv"
    out.write_text("mine")
    assert cli("agreement", *readers, "--out", out).exit_code == 2
    assert out.read_text() == "mine"
    assert cli("agreement", *readers, "--out", out, "--overwrite").exit_code == 0
    assert out.read_text().startswith("image,")


def test_as_a_user_runs_it(readers: tuple[Path, Path], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "napari_leukocyte", "agreement", "a", "nowhere"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "nowhere can't be read: No such file or directory.\n"
    done = subprocess.run([*command[:-1], "b"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("First reader:  a\nSecond reader: b\n")
