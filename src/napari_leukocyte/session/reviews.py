"""A reader's reviews of the objects: classes, confirmations, flags and notes; the reader's name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.io.user_files import config_folder, read_user_file, write_user_file
from napari_leukocyte.language import later

#: What can be noted of an object by one key.
FLAGS = (
    later("uncertain class"),
    later("unclear boundary"),
    later("smudge"),
    later("artefact"),
    later("to discuss"),
)


@dataclass(frozen=True)
class Review:
    """A reader's review of one object.

    Attributes
    ----------
    class_name : str or None
        The reader's own word; None leaves it to the model.
    reviewed : bool
        Whether the reader has decided: by giving a class or by confirming the model's.
    reader : str
        Who said the last of it; empty if unknown.
    when : str
        When that was: ISO 8601, UTC; empty if never.
    flags : frozenset of str
        Of `FLAGS`.
    note : str
        Anything else.
    """

    class_name: str | None = None
    reviewed: bool = False
    reader: str = ""
    when: str = ""
    flags: frozenset[str] = frozenset()
    note: str = ""

    @property
    def empty(self) -> bool:
        """Whether nothing is said."""
        return not (self.class_name or self.reviewed or self.flags or self.note)


@dataclass(frozen=True)
class SignOff:
    """A reader's word that the count is complete.

    Attributes
    ----------
    reader : str
        Who; empty if unknown.
    when : str
        ISO 8601, UTC.
    """

    reader: str
    when: str


Reviews = Mapping[int, Review]
#: What nobody has said anything of.
UNREVIEWED = Review()


def now() -> str:
    """Return the time: ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def changed(
    reviews: Reviews, labels: Collection[int], change: Callable[[Review], Review], reader: str
) -> dict[int, Review]:
    """Change the reviews of some objects.

    Parameters
    ----------
    reviews : mapping of int to Review
        As they are.
    labels : collection of int
        Of which objects.
    change : callable
        Returns the review that takes another's place.
    reader : str
        Who says so.

    Returns
    -------
    dict of int to Review
        All of them. Where nothing changes, reader and time stay as well.
    """
    result = dict(reviews)
    when = now()
    for label in labels:
        former = reviews.get(label, UNREVIEWED)
        review = change(former)
        if review == former:
            continue
        if review.empty:
            result.pop(label, None)
        else:
            result[label] = replace(review, reader=reader, when=when)
    return result


def differing(before: Reviews, after: Reviews) -> list[int]:
    """List the objects of which two sets of reviews say something else."""
    if before is after:
        return []
    # What is the same is nearly always the same object, too.
    pairs = ((n, before.get(n), after.get(n)) for n in {**before, **after})
    return [n for n, one, other in pairs if one is not other and one != other]


def flagged(flag: str, on: bool) -> Callable[[Review], Review]:
    """Return the change that sets a flag or takes it away.

    Raises
    ------
    ParameterError
        If there is no such flag.
    """
    if flag not in FLAGS:
        raise ParameterError(
            "There is no flag “{flag}”: known are {names}.", flag=flag, names=", ".join(FLAGS)
        )
    return lambda r: replace(r, flags=r.flags | {flag} if on else r.flags - {flag})


def pin_confirmed(
    reviews: Reviews, before: Mapping[int, str], after: Mapping[int, str]
) -> dict[int, Review]:
    """Hold what readers confirmed when a model changes its mind.

    Parameters
    ----------
    reviews : mapping of int to Review
        As they are.
    before, after : mapping of int to str
        The classes that the former and the new predictions give.

    Returns
    -------
    dict of int to Review
        A class that was confirmed, and that the new predictions do not give any more, is the
        reader's own word from now on.
    """
    result = dict(reviews)
    for label, review in reviews.items():
        confirmed = before.get(label)
        unsaid = review.reviewed and review.class_name is None
        if unsaid and confirmed is not None and after.get(label) != confirmed:
            result[label] = replace(review, class_name=confirmed)
    return result


FILE_NAME = "reader.json"
#: Longer ones would not fit a report.
LONGEST_NAME = 80


def recall_reader() -> str:
    """Return the reader's name that was last remembered; empty if none was.

    Raises
    ------
    ParameterError
        If the file is damaged.
    """
    path = config_folder() / FILE_NAME
    name = read_user_file(path, "reader")
    if name is None:
        return ""
    if not isinstance(name, str):
        raise ParameterError("{path} must hold a name.", path=path)
    return tidy(name)


def remember_reader(name: str) -> None:
    """Remember the reader's name.

    Raises
    ------
    OutputError
        If the file can't be written.
    """
    write_user_file(config_folder() / FILE_NAME, "reader", tidy(name))


def tidy(name: str) -> str:
    """Return a name on one line, without white space around it, at most 80 characters."""
    return " ".join(name.split())[:LONGEST_NAME]
