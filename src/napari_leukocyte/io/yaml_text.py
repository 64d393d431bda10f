"""YAML from others: plain values only, and no anchors, by which a few lines become gigabytes."""

from __future__ import annotations

from typing import Any

import yaml

from napari_leukocyte.errors import FormatError


class _Anchored(yaml.YAMLError):
    """The text holds an anchor or an alias."""


class _Loader(yaml.SafeLoader):
    """Safe values without anchors."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _Anchored
        return super().compose_node(parent, index)


def parse(text: str, where: str) -> Any:
    """Parse YAML.

    Parameters
    ----------
    text : str
        The YAML.
    where : str
        What the file is called in a sentence.

    Raises
    ------
    FormatError
        If it is none, is nested too deep, or holds anchors.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a kind of safe loader
    except _Anchored as error:
        raise FormatError(f"{where} holds YAML anchors, which are not followed.") from error
    except RecursionError as error:
        raise FormatError(f"{where} is nested too deep to be read.") from error
    except (yaml.YAMLError, ValueError, OverflowError, TypeError) as error:
        raise FormatError(f"{where} is not whole YAML: it is damaged or cut off.") from error
