"""XML and YAML from others: without entities and anchors, by which a few lines become gigabytes."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import yaml

from napari_leukocyte.errors import FormatError

#: Elements deeper than this are no annotations.
_DEEPEST = 50


def parse_xml(data: bytes, where: str) -> Element:
    """Parse XML.

    Parameters
    ----------
    data : bytes
        The XML.
    where : str
        What the file is called in a sentence.

    Raises
    ------
    FormatError
        If it is none, is nested too deep, or defines entities, by which a few lines become
        gigabytes or another file's content.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    if data.count(b"<") > 0 and _depth(data) > _DEEPEST:
        raise FormatError(f"{where} is nested too deep to be read.")
    try:
        root: Element = fromstring(data, forbid_dtd=True)
    except DefusedXmlException as error:
        raise FormatError(f"{where} defines its own XML entities, which are not read.") from error
    except (ParseError, ValueError, LookupError, RecursionError) as error:
        raise FormatError(f"{where} is not whole XML: it is damaged or cut off.") from error
    return root


def _depth(data: bytes) -> int:
    """Return how deep elements can be nested at most, roughly: by their tags alone."""
    depth = deepest = 0
    at = data.find(b"<")
    while at >= 0:
        following = data[at + 1 : at + 2]
        end = data.find(b">", at)
        if following == b"/":
            depth -= 1
        elif following not in (b"!", b"?") and (end < 0 or data[end - 1 : end] != b"/"):
            depth += 1
            deepest = max(deepest, depth)
        at = data.find(b"<", at + 1)
    return deepest


def element(parent: Element, name: str, text: object) -> Element:
    """Add an element with text."""
    child = SubElement(parent, name)
    child.text = str(text)
    return child


def to_bytes(root: Element) -> bytes:
    """Return an element as a file in UTF-8."""
    indent(root)
    return bytes(tostring(root, "utf-8", xml_declaration=True)) + b"\n"


class _Anchored(yaml.YAMLError):
    """The text holds an anchor or an alias."""


class _Loader(yaml.SafeLoader):
    """Safe values without anchors."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _Anchored
        return super().compose_node(parent, index)


def parse_yaml(text: str, where: str) -> Any:
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
