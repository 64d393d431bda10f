"""The language of the window: who chooses it, and that Qt follows."""

from __future__ import annotations

import pytest

from napari_leukocyte.language import VARIABLE, in_use, use
from napari_leukocyte.ui import window_language
from napari_leukocyte.ui.window_language import choose, settle_language


@pytest.mark.parametrize(
    ("named", "preferred", "system", "spoken"),
    [
        ("", "system", ["en-GB"], "en"),
        ("", "system", ["ru-RU", "en-US"], "ru"),
        ("", "system", ["ru_RU"], "ru"),
        ("", "system", ["de-DE", "ru-RU"], "en"),
        ("", "system", [], "en"),
        ("", "en", ["ru-RU"], "en"),
        ("ru", "en", ["en-GB"], "ru"),
        ("system", "ru", ["en-GB"], "en"),
        ("klingon", "ru", ["en-GB"], "ru"),
    ],
)
def test_the_variable_goes_before_the_setting_and_that_before_the_system(
    named: str, preferred: str, system: list[str], spoken: str
) -> None:
    assert choose({VARIABLE: named}, preferred, system) == spoken


def test_it_is_chosen_once_in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_language, "_SETTLED", window_language._Settled())
    monkeypatch.setenv(VARIABLE, "ru")
    try:
        settle_language()
        assert in_use() == "ru"
        monkeypatch.setenv(VARIABLE, "en")
        settle_language()
        assert in_use() == "ru"
    finally:
        use("en")
