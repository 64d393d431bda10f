from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.segmentation.parameters import CHOICES, RANGES, PostprocessParams


def out_of_range() -> list[tuple[str, Any]]:
    wrong: list[tuple[str, Any]] = []
    for name, (low, high) in RANGES.items():
        beyond = (np.nextafter(low, -1), np.nextafter(high, 100), np.nan, np.inf, -np.inf, 10**400)
        wrong += [(name, value) for value in (*beyond, "0.5", None, True, [0.5], 1j)]
    for name in CHOICES:
        wrong += [(name, value) for value in ("", "other", None, 1, ["ellipse"], np.zeros(2))]
    return wrong + [("fill_holes", value) for value in (1, "yes", None)]


@pytest.mark.parametrize(("name", "value"), out_of_range())
def test_what_is_out_of_range_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ParameterError) as caught:
        PostprocessParams(**{name: value})
    message = str(caught.value)
    assert message.startswith(name)
    assert message.endswith(".")


def test_every_parameter_has_a_range_or_choices() -> None:
    assert {f.name for f in fields(PostprocessParams)} == {*RANGES, *CHOICES, "fill_holes"}
    for name, (low, high) in RANGES.items():
        for limit in (low, high):
            assert getattr(PostprocessParams(**{name: limit}), name) == limit  # type: ignore[arg-type]


@given(
    st.fixed_dictionaries(
        {},
        optional={
            **{name: st.floats(*limits) for name, limits in RANGES.items()},
            **{name: st.sampled_from(allowed) for name, allowed in CHOICES.items()},
            "fill_holes": st.booleans(),
        },
    )
)
def test_survive_json(values: dict[str, Any]) -> None:
    params = PostprocessParams.from_dict(values)
    text = json.dumps(params.to_dict(), allow_nan=False)
    assert PostprocessParams.from_dict(json.loads(text)) == params
    assert {name: params.to_dict()[name] for name in values} == values


def test_numpy_numbers_become_plain_ones() -> None:
    params = PostprocessParams(threshold=np.float32(0.25), opening_size=np.int64(0))  # type: ignore[arg-type]
    assert json.loads(json.dumps(params.to_dict()))["threshold"] == 0.25
    assert params == PostprocessParams(threshold=0.25, opening_size=0)


@pytest.mark.parametrize("values", [{"treshold": 0.5}, {1: 2}, [], ["threshold"], None, 5, "{}"])
def test_unknown_names_and_other_things_are_refused(values: Any) -> None:
    with pytest.raises(ParameterError):
        PostprocessParams.from_dict(values)
