"""The provenance of a photograph's objects: a log that is only added to, chained by hash.

One JSON object a line. ``hash`` is the SHA-256 of all else in the line, written as JSON with sorted
keys and no spaces; ``previous`` is the hash of the line before, and in the first line the
image key of the photograph. Who changes, removes or moves a line breaks the chain behind it,
and who cuts lines off at the end, the count and the last hash in the manifest.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from napari_leukocyte.annotations.dataset.layout import LARGEST_JSON, DatasetError, refuse_unlike
from napari_leukocyte.io.refusing import as_unreadable

Kind = Literal[
    "drawn",
    "mask changed",
    "removed",
    "predicted",
    "classified",
    "confirmed",
    "decision withdrawn",
    "flagged",
    "noted",
    "signed off",
    "sign-off withdrawn",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    Attributes
    ----------
    label : int or None
        Number of the object; None if it is about the whole photograph.
    kind : str
        One of `KINDS`.
    before, after : object
        From what to what, as JSON holds it: a class, an area in px, flags, a note; None where there
        was or is nothing.
    reader : str
        Who did it; empty if a model did, or if that is unknown.
    model, sha256 : str
        Which model did it, and the checksum of its file; empty if a reader did, or if that is
        unknown.
    when : str
        ISO 8601, UTC; empty if unknown.
    summary : bool
        Whether it was concluded from how things stand, as the moment itself is not known. Not
        written down.
    """

    label: int | None
    kind: Kind
    before: Any = None
    after: Any = None
    reader: str = ""
    model: str = ""
    sha256: str = ""
    when: str = ""
    summary: bool = False

    @property
    def identity(self) -> tuple[Any, ...]:
        """What makes it the same event in two tellings."""
        said = json.dumps(self.after, sort_keys=True)
        return self.label, self.kind, said, self.reader, self.model, self.sha256, self.when

    def to_dict(self) -> dict[str, Any]:
        """Return what a line of the log says of it."""
        by: dict[str, str] = {}
        if self.model:
            by = {"model": self.model, "sha256": self.sha256}
        elif self.reader:
            by = {"reader": self.reader}
        return {
            "label": self.label,
            "event": self.kind,
            "from": self.before,
            "to": self.after,
            "by": by,
            "when": self.when,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Event:
        """Make an event from what `to_dict` gave.

        Raises
        ------
        ValueError, KeyError, TypeError, AttributeError
            If it is none.
        """
        label, kind, by = values["label"], values["event"], values["by"]
        texts = [by.get(k, "") for k in ("reader", "model", "sha256")] + [values["when"]]
        if not (label is None or type(label) is int) or kind not in KINDS:
            raise ValueError("no event")
        if not all(isinstance(t, str) for t in texts):
            raise ValueError("an event holds texts")
        return cls(label, kind, values["from"], values["to"], *texts)


@dataclass(frozen=True)
class Log:
    """The contents of a log.

    Attributes
    ----------
    events : tuple of Event
        Oldest first.
    head : str
        Hash of the last line; of an empty log, the image key.
    problems : tuple of str
        Where the chain is broken, a sentence each.
    """

    events: tuple[Event, ...]
    head: str
    problems: tuple[str, ...] = ()


def chained(events: Iterable[Event], previous: str) -> tuple[bytes, str]:
    """Return events as lines of a log, and the hash of the last.

    Parameters
    ----------
    events : iterable of Event
        Oldest first.
    previous : str
        Hash of the line that they follow, or the image key.
    """
    lines = []
    for event in events:
        values = event.to_dict() | {"previous": previous}
        previous = _hash(values)
        lines.append(json.dumps(values | {"hash": previous}, ensure_ascii=False))
    text = "".join(f"{line}\n" for line in lines)
    return text.encode("utf-8", "backslashreplace"), previous


def read_log(path: Path, image: str) -> Log:
    """Read a log and follow its chain.

    Parameters
    ----------
    path : Path
        The file.
    image : str
        Image key of the photograph.

    Returns
    -------
    Log
        Up to the first line that is none.

    Raises
    ------
    DatasetError
        If the file is missing, too large or can't be read.
    """
    refuse_unlike(path, LARGEST_JSON)
    with as_unreadable(path, DatasetError):
        data = path.read_bytes()
    return parse_log(data, image, path.name)


def parse_log(data: bytes, image: str, name: str) -> Log:
    """Read a log from bytes; see `read_log`."""
    events: list[Event] = []
    problems: list[str] = []
    previous = image
    lines = data.split(b"\n")
    if lines[-1]:
        problems.append(f"{name}: the last line is cut off.")
    for number, line in enumerate(lines[:-1], 1):
        try:
            values = json.loads(line)
            stated = values.pop("hash")
            events.append(Event.from_dict(values))
            link = values["previous"]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            problems.append(f"{name}, line {number}: it is not an entry of a log.")
            break
        if link != previous:
            problems.append(f"{name}, line {number}: it does not follow on the line before it.")
        if _hash(values) != stated:
            problems.append(f"{name}, line {number}: it was changed after it was written.")
        previous = str(stated)
    return Log(tuple(events), previous, tuple(problems))


def merge(known: Sequence[Event], told: Sequence[Event]) -> list[Event]:
    """Return the events that are not known yet, in order.

    What was only concluded from how things stand is left out for objects that are known: their
    history says more, and `napari_leukocyte.annotations.dataset.corrections` what it lacks.
    """
    identities = Counter(e.identity for e in known)
    labels = {e.label for e in known}
    new = []
    for event in told:
        if identities[event.identity]:
            identities[event.identity] -= 1
        elif not (event.summary and event.label in labels):
            new.append(event)
    return new


@dataclass
class Standing:
    """The state that a history leaves an object in.

    Attributes
    ----------
    area : int
        Of its mask, px.
    said, predicted : str or None
        The reader's class and the model's.
    reviewed : bool
        Whether a reader has decided.
    flags : list of str
        Its flags.
    note : str
        Its note.
    """

    area: int = 0
    said: str | None = None
    predicted: str | None = None
    reviewed: bool = False
    flags: list[str] = field(default_factory=list)
    note: str = ""

    @property
    def class_name(self) -> str | None:
        """The class that counts."""
        return self.said or self.predicted


def standing_of(events: Iterable[Event]) -> dict[int, Standing]:
    """Return how a history leaves the objects that were not removed."""
    found: dict[int, Standing] = {}
    for event in events:
        if event.label is None:
            continue
        if event.kind == "removed":
            found.pop(event.label, None)
            continue
        now = found.setdefault(event.label, Standing())
        match event.kind:
            case "drawn" | "mask changed":
                now.area = event.after
            case "predicted":
                now.predicted = event.after
            case "classified":
                now.said, now.reviewed = event.after, True
            case "confirmed":
                now.reviewed = True
            case "decision withdrawn":
                now.said, now.reviewed = None, False
            case "flagged":
                now.flags = event.after
            case "noted":
                now.note = event.after
    return found


def _hash(values: Mapping[str, Any]) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def is_hash(value: object) -> bool:
    """Whether a value is a SHA-256, hexadecimal."""
    return isinstance(value, str) and len(value) == 64 and set(value) <= _HEX
