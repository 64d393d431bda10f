"""Roles of Sphinx in docstrings, such as a function's, shown as names: Markdown has none."""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r":(?:func|class|meth|mod|attr|data):`[~.]*(?:[\w.]*\.)?(\w+)`")


class Roles(griffe.Extension):
    """Writes the last part of what a role names."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change an object's docstring."""
        if obj.docstring is not None:
            obj.docstring.value = _ROLE.sub(r"`\1`", obj.docstring.value)
