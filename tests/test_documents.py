"""The documents and docstrings, held against the tree that they speak of.

That links lead somewhere within the site, anchors included, `mkdocs build --strict` checks as well.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import typer
import yaml

import napari_leukocyte as nl
from napari_leukocyte.cli.main import app
from napari_leukocyte.vocabulary import CLASSES

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "napari_leukocyte"
DOCS = ROOT / "docs"
ARCHITECTURE = DOCS / "contribute" / "architecture.md"
#: Words of a page that a reader reads to the end; tables are looked up.
LONGEST = 1500
#: A page that is written while the site is built, and may be as long as what it lists.
CHANGELOG = "contribute/changelog.md"
DOCUMENTS = sorted(
    [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
        *DOCS.rglob("*.md"),
        *ROOT.glob("*/README.md"),
    ]
)
#: Where the paths on the page of the architecture begin.
BASES = (ROOT, PACKAGE, PACKAGE / "annotations" / "formats")
#: A docstring says what something is; with these it would begin as a question.
QUESTIONS = re.compile(r"(What|How|Whether|Which|Where|Why|When|Who)\b")


def text_of(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def script(name: str) -> ModuleType:
    """Return a script of the documentation as a module."""
    path = DOCS / "scripts" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


#: Pages that are written while the site is built, with their texts.
WRITTEN = {DOCS / path: write() for path, write in script("site_pages").PAGES.items()}
PAGES = {path: text_of(path) for path in sorted(DOCS.rglob("*.md"))} | WRITTEN
NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def words(text: str) -> int:
    return sum(len(line.split()) for line in text.splitlines() if not line.startswith("|"))


def navigation(entries: object) -> Iterator[tuple[int, str]]:
    """Iterate over the pages of the site's navigation with their depth."""
    if isinstance(entries, str):
        yield 0, entries
    elif isinstance(entries, dict):
        for below in entries.values():
            yield from navigation(below)
    elif isinstance(entries, list):
        for below in entries:
            yield from ((depth + 1, page) for depth, page in navigation(below))


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
    places = [(document.parent / file).resolve() for file in files]
    assert [str(place) for place in places if not place.exists() and place not in WRITTEN] == []


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_pages_are_short(page: Path) -> None:
    if page != DOCS / CHANGELOG:
        assert words(PAGES[page]) <= LONGEST


def test_every_page_is_two_clicks_away() -> None:
    config = re.sub(r"!!python/name:\S+", "", text_of(ROOT / "mkdocs.yml"))
    found = dict[str, int]()
    for depth, page in navigation(yaml.safe_load(config)["nav"]):
        found[page] = depth
    there = {path.relative_to(DOCS).as_posix() for path in (*PAGES, *NOTEBOOKS)}
    assert set(found) == there
    # A tab, then the page: its sections are open, none is nested further.
    assert max(found.values()) <= 3
    index = PAGES[DOCS / "howto" / "index.md"]
    tasks = [p.removeprefix("howto/") for p in found if p.startswith("howto/") and "index" not in p]
    assert len(tasks) > 15
    assert [task for task in tasks if f"({task})" not in index] == []


def test_every_figure_of_the_readme_is_on_the_page_that_it_links() -> None:
    rows = re.findall(
        r"^\| \*\*.*\((docs/measured/\S+\.md)\S*\) \|$", text_of(ROOT / "README.md"), re.M
    )
    lines = [line for line in text_of(ROOT / "README.md").splitlines() if line.startswith("| **")]
    assert len(rows) == len(lines) == 5
    for page, line in zip(rows, lines, strict=True):
        measured = re.findall(r"(?<![\d.])\d+(?:\.\d+)?", text_of(ROOT / page))
        for figure in re.findall(r"\d+\.\d+", line):
            digits = len(figure.partition(".")[2])
            assert any(f"{float(m):.{digits}f}" == figure for m in measured), f"{figure}: {page}"


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_pages_begin_with_their_title(page: Path) -> None:
    text = re.sub(r"\A---\n.*?\n---\n", "", PAGES[page], flags=re.DOTALL).lstrip()
    assert re.match(r"# \S", text)
    assert len(re.findall(r"^# ", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.M)) == 1


def test_the_page_of_keys_has_those_of_all_classes() -> None:
    page = PAGES[DOCS / "reference" / "keys.md"]
    rows = {f"| <kbd>{c.key}</kbd> | {c.name} | {'yes' if c.counted else 'no'} |" for c in CLASSES}
    assert rows <= set(page.splitlines())


def test_the_command_line_is_documented_with_every_option() -> None:
    page = WRITTEN[DOCS / "reference" / "command-line.md"]
    for name, command in script("site_pages").commands():
        section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        assert section, name
        assert [
            o for p in command.params for o in p.opts if o.startswith("--") and o not in section
        ] == []


def test_every_parameter_has_a_row_with_its_range() -> None:
    page = WRITTEN[DOCS / "reference" / "parameters.md"]
    assert "| `opening_size` | 0 to 0.6 | diameters | `0.1` |" in page
    assert "| `watershed` | none, distance, nucleus, points |" in page
    assert "| `strength` | `0.1` |" in page
    assert "|  |\n" not in page  # every one is described


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_that_are_named_exist(document: Path) -> None:
    missing = []
    for dotted in re.findall(r"\bnapari_leukocyte((?:\.[a-z_]+)+)", text_of(document)):
        parts = dotted.strip(".").split(".")
        if parts[0] in nl.__all__:
            continue
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
        assert set(re.findall(r"^(?: +|\$ )napari-leukocyte ([a-z]\S*)", text, re.M)) <= ours, (
            document
        )
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
        for path, module in modules("src", "training", "tests", "benchmarks", "fuzz", "translation")
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
