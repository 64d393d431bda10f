"""Text of tables: what a file can hold, and what a spreadsheet has saved."""

from __future__ import annotations

import codecs
import csv
import io
import re
import warnings

import pandas as pd

from napari_leukocyte.errors import FormatError


def escape_surrogates(text: str) -> str:
    """Return text that can be written as UTF-8, and held by a column of text.

    The name of a file may hold bytes that are no text, which Python keeps as halves of surrogate
    pairs. They become escapes.
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BETWEEN = (",", ";", "\t")
#: The first line by which Excel is told the separator.
_TELLS = re.compile(r'"?sep=([,;\t])"?\r?\n', re.IGNORECASE)
_DECIMAL = re.compile(r"\s*[+-]?\d+(,\d+)?([eE][+-]?\d+)?\s*", re.ASCII)
#: Excel's yes and no in other languages, always in capitals.
_YES = "WAHR VRAI VERDADERO VERO VERDADEIRO WAAR PRAWDA ИСТИНА SANT SAND TOSI"
_NO = "FALSCH FAUX FALSO ONWAAR FAŁSZ ЛОЖЬ FALSKT FALSK EPÄTOSI"
_YES_NO = dict.fromkeys(_YES.split(), "true") | dict.fromkeys(_NO.split(), "false")


def decode_table(data: bytes, where: str) -> str:
    """Return the text of a table: UTF-8, or UTF-16 with a byte order mark.

    Raises
    ------
    FormatError
        If it is neither; the sentence says how to save it.
    """
    try:
        text = data.decode("utf-16" if data.startswith(_UTF16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{where} is not text in UTF-8: save it from the spreadsheet as "
            '"CSV UTF-8 (comma delimited)".'
        ) from error
    if "\0" in text:
        raise FormatError(f"{where} is not a CSV table: it holds binary data.")
    return text


def columns_of(text: str) -> tuple[str, list[str]]:
    """Return what stands between the columns, and their names.

    Parameters
    ----------
    text : str
        The table, or its beginning.
    """
    told = _TELLS.match(text)
    line = text[told.end() if told else 0 :].lstrip("\r\n").split("\n", 1)[0].rstrip("\r")
    separator = told[1] if told else max(_BETWEEN, key=line.count)
    try:
        names = next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        names = []
    return separator, [name.strip() for name in names]


def parse_table(data: bytes, where: str) -> pd.DataFrame:
    """Parse a table.

    Parameters
    ----------
    data : bytes
        The file.
    where : str
        What it is called in a sentence.

    Returns
    -------
    pandas.DataFrame
        Of text, as it stands but for decimal commas, which become points, and yes and no of other
        languages. Rows without any text are left out.

    Raises
    ------
    FormatError
        If it is no text, damaged or cut off.
    """
    text = decode_table(data, where)
    separator, _ = columns_of(text[:100_000])
    told = _TELLS.match(text)
    try:
        with warnings.catch_warnings():
            # Of lines that are too long.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            # An image or a class may well be called "NA".
            table = pd.read_csv(
                io.StringIO(text[told.end() if told else 0 :]),
                sep=separator,
                dtype="str",
                keep_default_na=False,
                index_col=False,
            )
    except (ValueError, OverflowError, MemoryError, pd.errors.ParserWarning) as error:
        raise FormatError(
            f"{where} is not a complete CSV table: it is damaged or cut off."
        ) from error
    table.columns = [str(c).strip() for c in table.columns]
    # Columns to the right of all others, in which nothing ever stood.
    bare = [c for c in table.columns if not c or c.startswith("Unnamed:")]
    table = table.drop(columns=[c for c in bare if _is_empty(table[c])])
    if not len(table) or not len(table.columns):
        return table
    blank = pd.concat([_blank(table[c]) for c in table], axis=1).all(axis=1)
    return table[~blank].reset_index(drop=True).apply(_as_here, separator=separator)


def _blank(column: pd.Series[str]) -> pd.Series[bool]:
    return column.isna() | (column.fillna("").str.strip() == "")


def _is_empty(column: pd.Series[str]) -> bool:
    return bool(_blank(column).all())


def _as_here(column: pd.Series[str], separator: str) -> pd.Series[str]:
    """Return a column with the decimal points and the yes and no of this plugin's files."""
    values = [v for v in column.dropna().unique().tolist() if v.strip()]
    if values and all(v.strip() in _YES_NO for v in values):
        return column.map(lambda v: _YES_NO.get(str(v).strip(), v))
    if separator != "," and any("," in v for v in values) and all(map(_DECIMAL.fullmatch, values)):
        return column.str.replace(",", ".", regex=False)
    return column
