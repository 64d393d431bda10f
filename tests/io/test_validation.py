from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, field, replace
from inspect import signature
from typing import Annotated, Any, Literal

import numpy as np
import pytest

from napari_leukocyte.errors import FormatError, ModelError, ParameterError
from napari_leukocyte.io.validation import (
    FORBID,
    Name,
    Number,
    Truth,
    Whole,
    between,
    must,
    parse,
    record,
)


@record(frozen=True)
class Inner:
    __pydantic_config__ = FORBID

    share: Annotated[Number, between(0.01, 0.99)] = 0.5
    kind: Literal["mean", "least"] = "mean"
    number: Whole = 1
    on: Truth = True

    def __post_init__(self) -> None:
        if self.share == 0.7:
            raise ParameterError("Seven tenths are too many.")


@record(frozen=True)
class Outer:
    error = ModelError

    name: Name
    inner: tuple[Inner, ...] = ()
    shape: tuple[Whole, Whole] = (1, 2)
    even: Annotated[Whole, must(lambda n: n % 2 == 0, "even")] = 0
    further: Mapping[str, Any] = field(default_factory=dict, compare=False)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"share": 2}, "share must be from 0.01 to 0.99, not 2."),
        ({"share": True}, "share must be a number, not True."),
        ({"share": "0.5"}, "share must be a number, not '0.5'."),
        ({"share": float("nan")}, "share must be a finite number, not nan."),
        ({"share": 10**400}, "share must be a finite number, not 10"),
        ({"share": 0.7}, "Seven tenths are too many."),
        ({"kind": "most"}, "kind must be mean or least, not 'most'."),
        ({"kind": ["mean"]}, r"kind must be mean or least, not \['mean'\]."),
        ({"number": 1.0}, "number must be a whole number, not 1.0."),
        ({"number": True}, "number must be a whole number, not True."),
        ({"on": 1}, "on must be true or false, not 1."),
        ({"other": 1}, "there is no 'other': known are share, kind, number, on."),
        ([], r"it must be names with values, not \[\]."),
    ],
)
def test_what_is_wrong_is_one_sentence(values: Any, sentence: str) -> None:
    with pytest.raises(FormatError, match=f"^one.json: {sentence}"):
        parse(Inner, values, error=FormatError, where="one.json: ")
    if isinstance(values, dict) and "other" not in values:
        with pytest.raises(ParameterError, match=f"^{sentence}"):
            Inner(**values)
        with pytest.raises(ParameterError, match=f"^{sentence}"):
            replace(Inner(), **values)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "name is missing."),
        ({"name": ""}, "name must be text that is not empty, not ''."),
        ({"name": 5}, "name must be text, not 5."),
        ({"name": "a", "inner": [{}, {"share": 2}]}, r"inner\[1\].share must be from 0.01 to"),
        ({"name": "a", "inner": {}}, "inner must be a list, not {}."),
        ({"name": "a", "inner": [5]}, r"inner\[0\] must be names with values, not 5."),
        ({"name": "a", "shape": [1]}, r"shape\[1\] is missing."),
        ({"name": "a", "shape": [1, 2, 3]}, "shape: .* at most 2 items"),
        ({"name": "a", "even": 3}, "even must be even, not 3."),
        ({"name": "a", "further": 3}, "further must be names with values, not 3."),
    ],
)
def test_the_place_is_named(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ModelError, match=f"^{sentence}"):
        parse(Outer, values, error=ModelError)


def test_all_can_be_asked_for() -> None:
    with pytest.raises(ParameterError, match=r"^one.json: inner is missing\.$"):
        parse(Outer, {"name": "a"}, where="one.json: ", complete=True)


def test_what_is_not_known_is_passed_over_unless_forbidden() -> None:
    assert parse(Outer, {"name": "a", "later": [1]}) == Outer("a")
    with pytest.raises(ParameterError, match=r"no 'inner\[0\].later'"):
        parse(Outer, {"name": "a", "inner": [{"later": 1}]})


def test_a_record_is_a_dataclass_that_survives_json() -> None:
    made = Outer("\ud800", (Inner(np.float32(0.25), number=np.int64(3)),))  # type: ignore[arg-type]
    assert parse(Outer, json.loads(json.dumps(asdict(made)))) == made
    assert (type(made.inner[0].share), type(made.inner[0].number)) == (float, int)
    shown = {n: p.annotation for n, p in signature(Inner).parameters.items()}
    assert shown["share"] == "float"
    assert shown["number"] == "int"
    assert hash(made) == hash(replace(made, further={"a": 1}))
    assert Outer("a", [Inner()]).inner == (Inner(),)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="name must be text"):
        Outer(5)  # type: ignore[arg-type]
