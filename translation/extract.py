"""The sentences that people are shown, found in the source.

Four kinds: what is given to ``tr``, ``tr_n``, ``later`` and ``later_n``; every text in the window's
modules, since the builders there translate what they are given; what stands between ``trans`` tags
in templates; and errors, those with values of every module. A text of the window that no person
reads is named in `NO_SENTENCES`.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from babel.messages.catalog import Catalog
from jinja2.ext import babel_extract

from napari_leukocyte import vocabulary
from napari_leukocyte.counting.reference import SHIPPED
from napari_leukocyte.interpretation.measured import COLOURS
from napari_leukocyte.interpretation.words import in_plain_english
from napari_leukocyte.session.reviews import FLAGS

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "napari_leukocyte"
WINDOW = PACKAGE / "ui"
#: Modules below the window whose texts are shown as they are.
ALSO_SHOWN = (
    "counting/presets.py",
    "interpretation/scoring.py",
    "models/card.py",
)
#: Where what the user can mend is refused: these sentences are translated where they are told, as
#: are those with values everywhere.
REFUSING = (
    "segmentation/editing/",
    "segmentation/watershed",
    "session/",
    "counting/",
    "learning/finetune/",
    "learning/head/",
    "analysis/smear/",
    "interpretation/",
)
#: Where errors have their values beside the sentence, never in it: what a window shows most.
WITH_VALUES = (
    "analysis/smear/",
    "classification/embedding",
    "counting/own_classes",
    "counting/presets",
    "counting/reference",
    "io/atomic",
    "io/images/",
    "io/replace",
    "io/user_files",
    "learning/head/onnx_head",
    "models/artifact",
    "models/manifest",
    "models/registry",
    "models/runtime",
    "samples/public",
    "segmentation/editing/",
    "session/blinding",
    "session/restoring",
    "session/reviewing",
    "session/reviews",
    "session/store",
    "uncertainty/",
)
#: Modules of the window that hold no sentences: names of keys.
_WITHOUT = ("key_names.py", "window_language.py")
#: Functions that translate their first argument, or mark it for that.
TRANSLATING = frozenset({"tr", "later"})
#: Texts of the window that look like sentences, and that no person reads.
NO_SENTENCES = frozenset(
    {
        " (napari-leukocyte)",
        " leukocytes",
        "API_NAME",
        "BeforePaint",
        "Mapping[str, str]",
        "Qt",
        "SessionDock",
        "SharedParts",
        "Signal",
        "Ties",
        "execution providers",
        "four-pointed star",
        "napari-leukocyte job",
        "open circle",
        "triangle down",
        "triangle up",
    }
)
# What is no sentence by its form: style sheets, programs of the graphics card, keys, licences.
_NO_SENTENCE = re.compile(
    r"background:|border:|padding:|gl_|discard;|float |^\w$|^(Ctrl|Shift|Alt|Meta)?\+?"
    r"(Enter|Escape|Delete|Backspace|Space|Page (Up|Down)|[A-Z?]|Shift\+\w|Shift\+Page Down)"
    r"(, \w+)*$|^(Alt|Control|Ctrl|Shift)$|^CC[-0]|^\.|/\d|^Shift\+$"
)
# Ends of the names of errors that a user can mend.
_REFUSALS = (
    "ParameterError",
    "OutputError",
    "FinetuneError",
    "RetrainingError",
    "SessionInUse",
    "MapError",
    "ArtifactError",
)
# Ends of the names of all errors, and what functions call the error that they were given.
_ERRORS = ("Error", "SessionInUse", "error")
_LETTERS = re.compile(r"[^\W\d_]{2}")


@dataclass(frozen=True)
class Found:
    """A sentence.

    Attributes
    ----------
    place : str
        File, relative to the root, and line.
    one : str
        The sentence.
    many : str
        Its plural; empty if it has none.
    """

    place: str
    one: str
    many: str = ""


def extract() -> list[Found]:
    """Return all sentences of the package, in the order of the files."""
    found: list[Found] = []
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found += _of_module(tree, path)
    for path in sorted(PACKAGE.rglob("*.jinja")):
        found += _of_template(path)
    return [*found, *_of_vocabulary(), *_of_attributes(), *_of_ranges()]


def make_catalogue() -> Catalog:
    """Return the sentences as a catalogue without translations."""
    catalogue = Catalog(project="napari-leukocyte", charset="utf-8")
    plurals = {each.one: each.many for each in extract() if each.many}
    for each in extract():
        file, _, line = each.place.rpartition(":")
        many = plurals.get(each.one)
        catalogue.add((each.one, many) if many else each.one, locations=[(file, int(line))])
    return catalogue


def is_sentence(text: str) -> bool:
    """Say whether a text of the window looks like something that a person reads."""
    if text in NO_SENTENCES or not _LETTERS.search(text) or _NO_SENTENCE.search(text):
        return False
    return " " in text.strip() or text[:1].isupper() or text.endswith(("…", "?"))


def docstrings(tree: ast.AST) -> set[ast.AST]:
    """Return the texts that stand alone, as docstrings do."""
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def inside_f_strings(tree: ast.AST) -> set[ast.AST]:
    """Return what lies in f-strings."""
    outer = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    return {part for node in outer for value in node.values for part in ast.walk(value)}


def called(node: ast.AST | None) -> str:
    """Return the name of the function that is called; empty if it is no call."""
    if not isinstance(node, ast.Call):
        return ""
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def texts_of(node: ast.AST) -> list[str]:
    """Return the texts that an argument may be."""
    if isinstance(node, ast.IfExp):
        return [*texts_of(node.body), *texts_of(node.orelse)]
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return [str(node.value)] if is_text and isinstance(node, ast.Constant) else []


def _of_module(tree: ast.AST, path: Path) -> Iterator[Found]:
    file = path.relative_to(ROOT).as_posix()
    shown = path.is_relative_to(WINDOW) and path.name not in _WITHOUT
    shown |= path.relative_to(PACKAGE).as_posix() in ALSO_SHOWN
    no_text = docstrings(tree) | inside_f_strings(tree)
    refusing = path.relative_to(PACKAGE).as_posix().startswith(REFUSING)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) in ("tr_n", "later_n"):
            one, many = (texts_of(argument) for argument in node.args[:2])
            if one and many:
                yield Found(f"{file}:{node.lineno}", one[0], many[0])
                no_text |= set(node.args[:2])
        elif isinstance(node, ast.Call) and called(node) in TRANSLATING and node.args:
            for text in texts_of(node.args[0]):
                yield Found(f"{file}:{node.lineno}", text)
        elif isinstance(node, ast.Call) and node.keywords and called(node).endswith(_ERRORS):
            for text in texts_of(node.args[0]) if node.args else ():
                yield Found(f"{file}:{node.lineno}", text)
        elif isinstance(node, ast.Raise) and refusing and called(node.exc).endswith(_REFUSALS):
            for text in texts_of(node.exc.args[0]) if isinstance(node.exc, ast.Call) else ():
                yield Found(f"{file}:{node.lineno}", text)
        elif isinstance(node, ast.Call) and called(node) in ("TypeVar", "cast", "NewType"):
            no_text |= set(node.args)
    if not shown:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node not in no_text and isinstance(node.value, str):
            yield from [Found(f"{file}:{node.lineno}", node.value)] * is_sentence(node.value)


def _of_template(path: Path) -> Iterator[Found]:
    file = path.relative_to(ROOT).as_posix()
    with path.open("rb") as stream:
        options = {"encoding": "utf-8", "trimmed": "true"}
        for line, name, message, _ in babel_extract(stream, ("tr", "tr_n"), (), options):
            texts = [text for text in _several(message) if isinstance(text, str)]
            if texts:
                many = texts[1] if name == "tr_n" and len(texts) > 1 else ""
                yield Found(f"{file}:{line}", texts[0], many)


def _several(message: object) -> tuple[object, ...]:
    return message if isinstance(message, tuple) else (message,)


def _of_vocabulary() -> Iterator[Found]:
    """Return the classes: by number, as a word for cells of theirs, and in three letters."""
    place = "src/napari_leukocyte/vocabulary.py:1"
    yield Found(place, vocabulary.DISCLAIMER)
    yield Found(place, "unclassified")
    for kind in ("segmentation", "classification"):
        yield Found(place, kind)
        yield Found(place, kind.capitalize())
    for flag in FLAGS:
        yield Found("src/napari_leukocyte/ui/keys.py:1", f"Flag: {flag}")
    for each in vocabulary.ORDERED:
        many = vocabulary.plural(each.name)
        yield Found(place, each.name, many)
        yield Found(place, many)
        yield Found(place, vocabulary.letters(each.name))


def _of_attributes() -> Iterator[Found]:
    """Return the words for what a cell looks like, which lie beside the classifier."""
    path = PACKAGE / "interpretation" / "shipped" / "attributes.json"
    place = f"{path.relative_to(ROOT).as_posix()}:1"
    for name, values in json.loads(path.read_text(encoding="utf-8"))["attributes"].items():
        for word in (name, *map(in_plain_english, values)):
            yield Found(place, word)
    for colour in COLOURS:
        yield Found("src/napari_leukocyte/interpretation/measured.py:1", colour)


def _of_ranges() -> Iterator[Found]:
    """Return names and sources of the reference ranges that come with the package."""
    for each in SHIPPED:
        yield Found("src/napari_leukocyte/counting/reference.py:1", each.name)
        yield Found("src/napari_leukocyte/counting/reference.py:1", each.source)
