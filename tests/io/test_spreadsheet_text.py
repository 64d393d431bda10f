"""Tables that a spreadsheet in another language has saved."""

from __future__ import annotations

import csv
import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_leukocyte.errors import FormatError
from napari_leukocyte.io.spreadsheet_text import parse_table

TEXTS = st.text(st.characters(exclude_categories=("C", "Z")), max_size=8)


def saved(rows: list[list[str]], separator: str, end: str = "\r\n") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator=end).writerows(rows)
    return text.getvalue()


@given(
    rows=st.lists(st.tuples(TEXTS, st.floats(-1e6, 1e6), st.booleans()), min_size=1, max_size=5),
    separator=st.sampled_from(";\t"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    blank=st.integers(0, 3),
    told=st.booleans(),
)
def test_what_excel_saves_is_what_was_there(
    rows: list[tuple[str, float, bool]], separator: str, encoding: str, blank: int, told: bool
) -> None:
    names = ["note", "confidence", "reviewed", "label"]
    plain = [[f"n{note}", repr(n), str(b).lower(), "1"] for note, n, b in rows]
    german = [
        [f"n{note}", repr(n).replace(".", ","), "WAHR" if b else "FALSCH", "1"]
        for note, n, b in rows
    ]
    text = saved([names, *german, *[[""] * 4] * blank], separator)
    if told:
        text = f"sep={separator}\r\n{text}"
    table = parse_table(text.encode(encoding), "it")
    expected = pd.DataFrame(plain, columns=names)
    assert table.columns.tolist() == names
    assert table["note"].tolist() == expected["note"].tolist()
    assert (
        table["confidence"].astype(float).tolist() == expected["confidence"].astype(float).tolist()
    )
    assert table["reviewed"].tolist() == expected["reviewed"].tolist()


def test_texts_with_commas_keep_them() -> None:
    table = parse_table(b"label;note\n1;1,5\n2;a, b\n", "it")
    assert table["note"].tolist() == ["1,5", "a, b"]
    table = parse_table(b'label,note\n1,"1,5"\n2,"2,5"\n', "it")
    assert table["note"].tolist() == ["1,5", "2,5"]


def test_the_sentence_names_the_cause() -> None:
    with pytest.raises(FormatError, match=r'not text in UTF-8.*"CSV UTF-8'):
        parse_table("label;note\n1;Größe\n".encode("cp1252"), "it")
    with pytest.raises(FormatError, match="damaged or cut off"):
        parse_table(b"label,class\n1,a,b,c\n", "it")
    with pytest.raises(FormatError, match="binary"):
        parse_table(b"label,\0\n", "it")
