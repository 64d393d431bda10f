"""The fuzzer's entry point, fed by hypothesis: a short run of what fuzz/ does for longer."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.fuzz_formats import NAMES, Target, mutated


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=10)  # of several files each
@given(dice=st.randoms(use_true_random=False), data=st.binary(max_size=200))
def test_damage_is_one_sentence(name: str, dice: random.Random, data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        target = Target(name, Path(folder))
        for seed in target.seeds():
            target(seed)
            target(mutated(seed, dice))
        target(data)
