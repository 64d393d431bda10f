"""Text that can be written."""

from __future__ import annotations


def as_text(text: str) -> str:
    """Return what can be written as UTF-8, and held by a column of text.

    The name of a file may hold bytes that are no text, which Python keeps as halves of surrogate
    pairs. They become escapes.
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
