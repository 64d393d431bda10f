from __future__ import annotations

import pytest

from napari_leukocyte.vocabulary import plural, written


@pytest.mark.parametrize(
    ("name", "alone", "several"),
    [
        ("eosinophil", "Eosinophil", "eosinophils"),
        ("platelet or artefact", "Platelet or artefact", "platelets or artefacts"),
        ("unidentified", "Unidentified", "unidentified cells"),
    ],
)
def test_classes_are_written_as_a_person_does(name: str, alone: str, several: str) -> None:
    assert written(name) == alone
    assert plural(name) == several
