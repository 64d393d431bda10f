"""The signatures of all that is public, as lines of text: the list that a test holds to.

``python tests/public_api.py`` writes the list anew, after a change that was decided.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import napari_leukocyte as nl

#: The list.
FILE = Path(__file__).with_name("public_api.txt")
#: The public modules, whose `__all__` lists the public names.
MODULES: tuple[ModuleType, ...] = (nl, nl.sessions, nl.formats, nl.datasets)
#: Of large classes these members are public; the others are the window's.
MEMBERS = {
    "Session": frozenset(
        {
            "accept_edit",
            "approve",
            "can_redo",
            "can_undo",
            "clear_class",
            "close",
            "disagreements",
            "group",
            "labels",
            "leukogram",
            "maps",
            "nucleus",
            "params",
            "probability",
            "redo",
            "review_order",
            "review_progress",
            "set_class",
            "set_flag",
            "set_maps",
            "set_markers",
            "set_note",
            "set_params",
            "set_predictions",
            "set_weights",
            "sign_off",
            "signed_off",
            "table",
            "undo",
            "weights",
            "withdraw_sign_off",
        }
    ),
    "Dataset": frozenset(
        {
            "classes",
            "crops",
            "images",
            "licence",
            "objects",
            "read",
            "read_labels",
            "read_rgb",
            "version",
        }
    ),
}


def public() -> Iterator[tuple[str, object]]:
    """Iterate over all public names with what they are, without modules."""
    for module in MODULES:
        for name in module.__all__:
            found = getattr(module, name)
            if not isinstance(found, ModuleType):
                yield f"{module.__name__}.{name}", found


def lines() -> list[str]:
    """Return a line for each public function, class, method, property and constant."""
    found = []
    for name, thing in public():
        if inspect.isclass(thing):
            found += [f"class {name}{_signature(thing)}", *_members(name, thing)]
        elif callable(thing):
            found.append(f"{name}{_signature(thing)}")
        else:
            found.append(f"{name}: {type(thing).__name__}")
    return found


def _members(name: str, thing: type) -> Iterator[str]:
    fields = {f.name for f in dataclasses.fields(thing)} if dataclasses.is_dataclass(thing) else ()
    chosen = MEMBERS.get(thing.__name__)
    for member in sorted(dir(thing)):
        own = any(
            member in vars(base) and base.__module__.startswith("napari_leukocyte")
            for base in thing.__mro__
        )
        # Fields are parameters of the class already.
        if member.startswith("_") or not own or member in fields:
            continue
        # scikit-learn gives every estimator such.
        if member.endswith("_request") or (chosen is not None and member not in chosen):
            continue
        value = inspect.getattr_static(thing, member)
        if isinstance(value, (classmethod, staticmethod)):
            value = value.__func__
        signature = _signature(value) if inspect.isfunction(value) else ""
        yield f"    {name}.{member}{signature}"


def _signature(thing: object) -> str:
    if inspect.isclass(thing) and issubclass(thing, Exception):
        return ""
    assert callable(thing)
    signature = inspect.signature(thing)
    # Defaults that are records would print all of their fields.
    parameters = [
        p.replace(default=_Shown(_name(p.default))) if _is_shown_by_name(p.default) else p
        for p in signature.parameters.values()
    ]
    return str(signature.replace(parameters=parameters)).replace("'", "").replace('"', "")


def _is_shown_by_name(default: object) -> bool:
    return dataclasses.is_dataclass(default) or inspect.isfunction(default)


def _name(default: object) -> str:
    return str(getattr(default, "__name__", f"{type(default).__name__}()"))


class _Shown:
    """A default, shown in other words."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


if __name__ == "__main__":
    FILE.write_text("\n".join(lines()) + "\n", encoding="utf-8")
    print(FILE)
