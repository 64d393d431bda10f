"""The documents and docstrings, held against the tree that they speak of."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from napari_leukocyte.cli.main import app

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "napari_leukocyte"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
DOCUMENTS = sorted(
    [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("*/README.md"),
    ]
)
#: Where the paths on the page of the architecture begin.
BASES = (ROOT, PACKAGE, PACKAGE / "annotations" / "formats")
#: A docstring says what something is; with these it would begin as a question.
QUESTIONS = re.compile(r"(What|How|Whether|Which|Where|Why|When|Who)\b")


def text_of(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def modules(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path, ast.parse(text_of(path))


def test_the_architecture_names_every_package() -> None:
    page = text_of(ARCHITECTURE)
    tops = {p.parent.name for p in PACKAGE.glob("*/__init__.py")}
    tops |= {p.stem for p in PACKAGE.glob("[!_]*.py")}
    assert len(tops) > 10
    assert [n for n in sorted(tops) if not re.search(rf"^\|.*`{n}[`/].*\|", page, re.M)] == []


def test_the_architecture_names_nothing_that_is_not_there() -> None:
    named = re.findall(r"`([\w./-]+(?:\.(?:py|md|toml|yaml)|/))`", text_of(ARCHITECTURE))
    named += re.findall(r"^ +(?:-> )?([a-z_]+/[\w/]+(?:\.py)?)", text_of(ARCHITECTURE), re.M)
    assert len(named) > 30
    placeless = {"NAME.py", "widget.py"}
    missing = [
        path
        for path in named
        if Path(path).name not in placeless and not any((base / path).exists() for base in BASES)
    ]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", text_of(document))
    files = [link.split("#")[0] for link in links if "://" not in link and not link.startswith("#")]
    assert [file for file in files if not (document.parent / file).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_that_are_named_exist(document: Path) -> None:
    missing = []
    for dotted in re.findall(r"\bnapari_leukocyte((?:\.[a-z_]+)+)", text_of(document)):
        parts = dotted.strip(".").split(".")
        # The last part may be a function of the module before.
        places = [PACKAGE.joinpath(*parts[:n]) for n in (len(parts), max(1, len(parts) - 1))]
        if not any(place.is_dir() or place.with_suffix(".py").is_file() for place in places):
            missing.append(dotted)
    assert missing == []


def test_commands_that_are_named_exist() -> None:
    command = typer.main.get_command(app)
    ours = set(getattr(command, "commands", {}))
    # Importing the commands of the training would bring TensorFlow.
    training = {
        name.strip("_").replace("_", "-")
        for name in re.findall(
            r"@app\.command\(\)\ndef (\w+)", text_of(ROOT / "training" / "__main__.py")
        )
    }
    assert "run" in ours
    assert "export" in training
    for document in DOCUMENTS:
        text = text_of(document)
        assert set(re.findall(r"^ +napari-leukocyte ([a-z]\S*)", text, re.M)) <= ours, document
        assert set(re.findall(r"python -m training ([a-z][\w-]*)", text)) <= training, document


def test_files_of_the_training_that_are_named_exist() -> None:
    page = text_of(ROOT / "training" / "README.md")
    named = re.findall(r"`([\w/]+\.py)`", page)
    assert len(named) > 30
    missing = [path for path in named if not (ROOT / "training" / path).exists()]
    configs = re.findall(r"training/configs/[\w./-]+\.toml", page)
    assert len(configs) > 10
    assert missing + [path for path in configs if not (ROOT / path).exists()] == []


def test_docstrings_of_modules_and_classes_say_what_they_are() -> None:
    asking = [
        f"{path.relative_to(ROOT)}: {docstring.splitlines()[0]}"
        for path, module in modules("src", "training", "tests", "benchmarks", "fuzz")
        for node in ast.walk(module)
        if isinstance(node, ast.Module | ast.ClassDef)
        and QUESTIONS.match(docstring := ast.get_docstring(node) or "")
    ]
    assert asking == []


def test_one_class_name_means_one_thing() -> None:
    places = defaultdict(list)
    for path, module in modules("src"):
        for node in module.body:
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(path.relative_to(PACKAGE)))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}
