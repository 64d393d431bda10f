"""Records that check themselves, by pydantic, and its errors as one sentence.

A record is a frozen dataclass (`replace`, `asdict`, equality and hash are as of any other) whose
values are checked against the annotations when it is made, also from what JSON held: lists become
tuples, objects become records. Values are taken as they are: a number in a text, or a bool, is no
number.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cache, wraps
from numbers import Integral, Real
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    AllowInfNan,
    BeforeValidator,
    ConfigDict,
    Strict,
    TypeAdapter,
    ValidationError,
)

from napari_leukocyte.errors import LeukocyteError, ParameterError

__all__ = [
    "FORBID",
    "Count",
    "Name",
    "Number",
    "Truth",
    "Whole",
    "WholeKey",
    "between",
    "must",
    "parse",
    "record",
]

T = TypeVar("T")

#: As `__pydantic_config__` of a record: what it does not know is refused instead of passed over.
FORBID = ConfigDict(extra="forbid")
#: Of pydantic's types of errors, by their beginning: what a value must be.
_EXPECTED = {
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "bool": "true or false",
    "string": "text",
    "tuple": "a list",
    "frozen": "a list",
    "dict": "names with values",
    "mapping": "names with values",
    "dataclass": "names with values",
}


def must(test: Callable[[Any], bool], expected: str) -> AfterValidator:
    """Return a check of a value that ends in "NAME must be EXPECTED, not VALUE." if it fails."""

    def check(value: T) -> T:
        if not test(value):
            raise ValueError(expected)
        return value

    return AfterValidator(check)


def between(low: float, high: float) -> AfterValidator:
    """Return the check that a number lies in a range, ends included."""
    return must(lambda value: low <= value <= high, f"from {low:.12g} to {high:.12g}")


def _plain(kind: type, make: Callable[[Any], object]) -> BeforeValidator:
    def convert(value: object) -> object:
        if not isinstance(value, kind) or isinstance(value, bool):
            return value
        try:
            return make(value)
        except OverflowError:
            raise ValueError("a finite number") from None

    return BeforeValidator(convert)


#: Numbers; NumPy's become Python's, since JSON does not know them.
Number = Annotated[float, Strict(), AllowInfNan(False), _plain(Real, float)]
Whole = Annotated[int, Strict(), _plain(Integral, int)]
Truth = Annotated[bool, Strict()]
#: The key of a JSON object that is a whole number, or such a number.
WholeKey = Annotated[int, _plain(Integral, int)]
Count = Annotated[Whole, between(0, 2**62)]
Name = Annotated[str, must(bool, "text that is not empty")]

#: By which a signature calls the checked types.
_SHOWN = {"Number": "float", "Whole": "int", "Truth": "bool", "Count": "int", "Name": "str"}


def _shown(annotation: object) -> object:
    """Return an annotation as a signature shows it: the type without its checks."""
    if not isinstance(annotation, str):
        return annotation
    bare = re.sub(r"Annotated\[(\w+),.*\]", r"\1", annotation)
    return re.sub(r"\w+", lambda found: _SHOWN.get(found[0], found[0]), bare)


if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:

    def record(**options):
        """Make a class a record: a dataclass whose values are checked before `__post_init__`.

        What a record raises is its class attribute ``error``, ParameterError by default.
        """

        def decorate(cls):
            after = cls.__dict__.get("__post_init__")
            if after:
                del cls.__post_init__
            made = dataclass(cls, **options)
            if after:
                # Called by pydantic, when all values are known to be right.
                made.__post_init__ = after
            assign = made.__init__
            assign.__annotations__ = {n: _shown(a) for n, a in assign.__annotations__.items()}

            @wraps(assign)
            def make(self, *args, **values):
                assign(self, *args, **values)
                checked = parse(made, vars(self), error=getattr(made, "error", ParameterError))
                vars(self).update(vars(checked))

            made.__init__ = make
            return made

        return decorate


def parse(
    kind: type[T],
    values: object,
    *,
    error: type[LeukocyteError] = ParameterError,
    where: str = "",
    complete: bool = False,
    context: object = None,
) -> T:
    """Return what JSON held as a record, or as any other type that pydantic knows.

    Parameters
    ----------
    kind : type
        Such as a record, or a tuple of records.
    values : object
        As parsed.
    error : type of LeukocyteError
        Raised if it is none.
    where : str
        Stands before the sentence; what file it is of, say.
    complete : bool
        Whether a record must have all of its values, also those with a default.
    context : object, optional
        For the record's own checks.
    """
    known: Any = kind
    if complete and isinstance(values, Mapping):
        lacking = [f.name for f in fields(known) if f.name not in values]
        if lacking:
            raise error(f"{where}{lacking[0]} is missing.")
    try:
        made: T = _adapter(known).validate_python(values, context=context)
    except ValidationError as found:
        raise error(f"{where}{_sentence(found, kind)}.") from found
    return made


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _sentence(error: ValidationError, kind: Any) -> str:
    """Return the first fault of an error, without a full stop."""
    fault = error.errors(include_url=False)[0]
    found, place, value = fault["type"], fault["loc"], fault["input"]
    name = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in place).lstrip(".") or "it"
    raised = fault.get("ctx", {}).get("error")
    if isinstance(raised, LeukocyteError):
        return str(raised).removesuffix(".")
    if found == "missing":
        return f"{name} is missing"
    if found == "unexpected_keyword_argument":
        known = f": known are {', '.join(f.name for f in fields(kind))}" if len(place) == 1 else ""
        return f"there is no {name!r}{known}"
    if found == "literal_error":
        expected = fault["ctx"]["expected"].replace("'", "")
    else:
        expected = str(raised) if raised else _EXPECTED.get(found.partition("_")[0], "")
    return (
        f"{name} must be {expected}, not {reprlib.repr(value)}"
        if expected
        else f"{name}: {fault['msg']}"
    )
