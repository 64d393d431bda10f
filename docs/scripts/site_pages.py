"""Pages of the reference that are written from the code each time the site is built."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from napari_leukocyte.cli.main import app
from napari_leukocyte.counting.settings import TARGETS, DifferentialSettings
from napari_leukocyte.learning.finetune.plan import FinetuneParams
from napari_leukocyte.learning.head.head import HeadParams
from napari_leukocyte.segmentation.ensemble import DIAMETER_RANGE
from napari_leukocyte.segmentation.parameters import CHOICES, RANGES, UNITS, PostprocessParams
from napari_leukocyte.vocabulary import DISCLAIMER

ROOT = Path(__file__).parents[2]
_NAME = "napari-leukocyte"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


# Command line ---------------------------------------------------------------------------------


def command_line() -> str:
    """Return the page of all commands with their arguments and options."""
    parts = [
        "# Command line",
        DISCLAIMER,
        f"`{_NAME} COMMAND --help` prints the same. `python -m napari_leukocyte` is another name "
        f"of `{_NAME}`.",
        *(_command(name, command) for name, command in commands()),
    ]
    return "\n\n".join(parts) + "\n"


def commands() -> Iterator[tuple[str, Any]]:
    """Iterate over all commands, also those of groups, by the words that call them."""

    def walk(words: tuple[str, ...], command: Any) -> Iterator[tuple[str, Any]]:
        for name, sub in getattr(command, "commands", {}).items():
            below = (*words, name)
            if not hasattr(sub, "commands") or getattr(sub, "invoke_without_command", False):
                yield " ".join(below), sub
            yield from walk(below, sub)

    yield from walk((), typer.main.get_command(app))


def _command(name: str, command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option"]
    usage = [_NAME, *name.split(), *("[OPTIONS]" if options else "",)]
    usage += [f"{_argument(p)}{'...' if p.nargs == -1 else ''}" for p in arguments]
    rows = [(f"`{_argument(p)}`", _one_line(getattr(p, "help", "") or "")) for p in arguments]
    rows += [(f"`{_spelling(p)}`", _one_line(p.help or "") + _default(p)) for p in options]
    parts = [f"## {name}", f"```console\n$ {' '.join(filter(None, usage))}\n```"]
    parts.append(inspect.cleandoc(command.help or ""))
    if rows:
        parts.append(table(("argument or option", "meaning"), rows))
    return "\n\n".join(parts)


def _argument(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _spelling(option: Any) -> str:
    names = ", ".join(option.opts)
    return names if option.is_flag else f"{names} {option.metavar or ''}".strip()


def _default(option: Any) -> str:
    value = option.default
    shown = value not in (None, "", ()) and not option.is_flag and not callable(value)
    return f" Default: `{value}`." if shown else ""


def _one_line(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


# Parameters -----------------------------------------------------------------------------------


def parameters() -> str:
    """Return the page of every parameter with its range and unit."""
    low, high = DIAMETER_RANGE
    targets = ", ".join(map(str, TARGETS))
    parts = [
        "# Parameters",
        DISCLAIMER,
        "What can be set, with ranges and units, as the code has it. A value outside its range is "
        "refused in one sentence.",
        "## Size of leukocytes",
        "The diameter of a leukocyte, `--diameter`, is found by itself (`auto`) or given: "
        f"{low:g} to {high:g} px.",
        "## Post-processing",
        "From probability maps to a label image: "
        "[PostprocessParams](api/segment.md#napari_leukocyte.PostprocessParams), the sliders of "
        "*Segment leukocytes*, and `--params FILE.json`.",
        table(
            ("parameter", "values", "unit", "default", "meaning"),
            [
                (f"`{f.name}`", _values(f), UNITS.get(f.name, ""), f"`{_shown(f.default)}`", text)
                for f, text in _described(PostprocessParams)
            ],
        ),
        "## Differential count",
        f"Which cells count, how many ({targets}), and what the count is compared with.",
        _record(DifferentialSettings),
        "## A new head",
        "How the last layer of a classifier is fitted on reviewed cells: "
        "[HeadClassifier](api/heads.md#napari_leukocyte.HeadClassifier) and "
        f"`{_NAME} retrain`.",
        _record(HeadParams),
        "## Fine-tuning",
        f"`{_NAME} finetune`.",
        _record(FinetuneParams),
    ]
    return "\n\n".join(parts) + "\n"


def _record(record: type[Any]) -> str:
    rows = [(f"`{f.name}`", f"`{_shown(_start(f))}`", text) for f, text in _described(record)]
    return table(("parameter", "default", "meaning"), rows)


def _start(field: dataclasses.Field[Any]) -> object:
    """Return a parameter's default; none where it comes from the user's own settings."""
    return "" if field.default is dataclasses.MISSING else field.default


def _values(field: dataclasses.Field[Any]) -> str:
    if field.name in RANGES:
        return "{:g} to {:g}".format(*RANGES[field.name])
    return ", ".join(CHOICES.get(field.name, ("true", "false")))


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _described(record: type[Any]) -> Iterator[tuple[dataclasses.Field[Any], str]]:
    """Iterate over a record's fields and their descriptions in its docstring."""
    texts = described(inspect.getdoc(record) or "")
    for field in dataclasses.fields(record):
        yield field, _one_line(texts[field.name].replace("``", "`"))


def described(docstring: str) -> Mapping[str, str]:
    """Return the descriptions of the attributes of a numpydoc docstring by their names."""
    section = docstring.partition("Attributes\n----------\n")[2]
    section = re.split(r"\n\n[A-Z]\w+\n-+\n", section)[0]
    found: dict[str, str] = {}
    for names, text in re.findall(r"^(\S.*?) : .*\n((?:    .*\n?|\n)+)", section + "\n", re.M):
        found |= dict.fromkeys(re.split(r",\s*", names), inspect.cleandoc(text))
    return found


# Documents of the repository ------------------------------------------------------------------


def changelog() -> str:
    """Return the changelog as a page."""
    return (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


#: Pages by their place in the site.
PAGES: Mapping[str, Callable[[], str]] = {
    "reference/command-line.md": command_line,
    "reference/parameters.md": parameters,
    "contribute/changelog.md": changelog,
}
