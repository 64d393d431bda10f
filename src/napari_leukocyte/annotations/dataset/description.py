"""The description of a version for people and for programs: datasheet and Croissant metadata.

The datasheet's questions follow Gebru et al., "Datasheets for datasets",
https://arxiv.org/abs/1803.09010. Croissant 1.0 is what search engines of datasets and loaders read,
https://docs.mlcommons.org/croissant/docs/croissant-spec.html.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd

from napari_leukocyte.annotations.dataset.layout import (
    CROPS,
    CSV,
    IMAGES,
    LABELS,
    PARQUET,
    PROVENANCE,
    SIDES,
)
from napari_leukocyte.annotations.dataset.manifest import DatasetManifest, list_models
from napari_leukocyte.reporting.record import model_sha256
from napari_leukocyte.schema import Column, Kind, column_of
from napari_leukocyte.vocabulary import DISCLAIMER

_STYLE = (
    "body{font:11pt/1.45 sans-serif;max-width:48em;margin:2em auto;padding:0 1em;color:#1b1b1b}"
    "table{border-collapse:collapse;margin:.5em 0}th,td{border:1px solid #bbb;padding:.2em .6em;"
    "text-align:right}th:first-child,td:first-child{text-align:left}"
    ".disclaimer{border:1.5px solid #1b1b1b;padding:.4em .8em;font-weight:bold}"
)
_SPECIFICATION = "http://mlcommons.org/croissant/1.0"
#: Terms of the specification that are none of schema.org.
_TERMS = (
    *("citeAs", "column", "equivalentProperty", "extract", "field", "fileProperty", "fileObject"),
    *("fileSet", "format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField"),
    *("path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate"),
    *("separator", "source", "subField", "transform"),
)
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    **{term: f"cr:{term}" for term in _TERMS},
}
_TYPES: dict[Kind, str] = {
    "text": "sc:Text",
    "true or false": "sc:Boolean",
    "whole number": "sc:Integer",
    "number": "sc:Float",
}
_TABLES = ((CSV, "text/csv"), (PARQUET, "application/vnd.apache.parquet"))
_SETS = (
    (IMAGES, "image/*", "*", "The photographs."),
    (LABELS, "image/tiff", "*.tif", "Label images: 0 is background, other values are numbers."),
    (CROPS, "image/png", "*/*/*.png", "A picture of each cell, by side of the split and class."),
    (PROVENANCE, "application/jsonl", "*.jsonl", "What happened to each cell, chained by hash."),
)


def title_of(manifest: DatasetManifest) -> str:
    """Return what a dataset is called."""
    return manifest.title or "Leukocytes on photographs of stained blood smears"


def number_of(n: int, what: str, many: str = "") -> str:
    """Return a number with its noun."""
    return f"{n} {what if n == 1 else many or what + 's'}"


@dataclass(frozen=True)
class _Table:
    """Rows of texts; the first is the heading."""

    rows: tuple[tuple[str, ...], ...]


_Part = str | _Table | tuple[str, ...]


def datasheet_of(manifest: DatasetManifest, table: pd.DataFrame) -> str:
    """Return the datasheet as Markdown.

    Parameters
    ----------
    manifest : DatasetManifest
        Of the version; its files need not be known yet.
    table : pandas.DataFrame
        Of its objects.
    """
    blocks = [f"# {_line(title_of(manifest))}", f"**{DISCLAIMER}**"]
    for heading, parts in _sections(manifest, table):
        blocks.append(f"## {heading}")
        blocks += [_markdown(part) for part in parts]
    return "\n\n".join(blocks) + "\n"


def datasheet_html(manifest: DatasetManifest, table: pd.DataFrame) -> str:
    """Return the datasheet as one HTML file; see `datasheet_of`."""
    title = escape(title_of(manifest))
    body = [f"<h1>{title}</h1>", f'<p class="disclaimer">{escape(DISCLAIMER)}</p>']
    for heading, parts in _sections(manifest, table):
        body.append(f"<h2>{escape(heading)}</h2>")
        body += [_html(part) for part in parts]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">\n"
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _sections(manifest: DatasetManifest, table: pd.DataFrame) -> list[tuple[str, list[_Part]]]:
    about: list[_Part] = [manifest.description] if manifest.description else []
    about.append(
        f"Version {manifest.version}, exported {manifest.created} with napari-leukocyte "
        f"{manifest.versions.get('napari-leukocyte', '')}. "
        f"Licence: {manifest.licence or 'none was given, so that nobody else may use the data'}."
    )
    return [
        ("What this is", about),
        ("Composition", _composition(manifest, table)),
        ("How the annotations came about", _collection(manifest, table)),
        ("Split", _split(manifest)),
        ("Known limits", _limits(manifest, table)),
        ("Columns of the table", [_columns(table)]),
        (
            "Uses",
            [
                "Made to train and test programs that find, outline and classify leukocytes on "
                "photographs of stained blood smears. It says nothing of patients, and a share of "
                "classes in it is not a reference range.",
            ],
        ),
    ]


def _composition(manifest: DatasetManifest, table: pd.DataFrame) -> list[_Part]:
    images = len(manifest.images)
    groups = len({i.group for i in manifest.images})
    counts = table.groupby(["class", "side"]).size() if len(table) else pd.Series(dtype=int)
    rows = [("class", *SIDES, "all")]
    for found in manifest.classes:
        numbers = [int(counts.get((found.name, side), 0)) for side in SIDES]
        rows.append((found.name, *map(str, numbers), str(sum(numbers))))
    bare = table[table["class"].isna()]["side"].value_counts()
    if len(bare):
        numbers = [int(bare.get(side, 0)) for side in SIDES]
        rows.append(("without a class", *map(str, numbers), str(sum(numbers))))
    sides = [sum(i.side == side for i in manifest.images) for side in SIDES]
    rows.append(("photographs", *map(str, sides), str(images)))
    return [
        f"{number_of(images, 'photograph')} of {number_of(groups, 'group')} with "
        f"{number_of(len(table), 'cell')}, each with a mask, and a class where one is known.",
        _Table(tuple(rows)),
    ]


def _collection(manifest: DatasetManifest, table: pd.DataFrame) -> list[_Part]:
    reviewed, edited = int(table["reviewed"].sum()), int(table["edited"].sum())
    by_reader = table[table["reader"] != ""]["reader"].value_counts()
    readers = ", ".join(f"{name} ({number_of(n, 'cell')})" for name, n in by_reader.items())
    corrected = int(
        (
            table["reviewed"] & table["predicted"].notna() & (table["class"] != table["predicted"])
        ).sum()
    )
    parts: list[_Part] = [
        f"Cells were outlined and classified by models and then looked at by readers: "
        f"{reviewed} of {number_of(len(table), 'cell')} were reviewed, {corrected} of them got "
        f"another class than the model's, and {edited} masks were changed by hand. "
        + (f"Readers: {readers}." if readers else "No reader is named."),
    ]
    models = [
        f"{m.get('model', '')} ({m['kind']}), SHA-256 {model_sha256(m) or 'unknown'}"
        for m in list_models(manifest.images)
    ]
    if models:
        parts += ["Models:", tuple(models)]
    parts.append(
        "What happened to each cell, by whom and when, is in the folder provenance: a log for each "
        "photograph, its entries chained by hash."
    )
    return parts


def _split(manifest: DatasetManifest) -> list[_Part]:
    return [
        f"By group, from the SHA-256 of its name: {manifest.validation:.0%} of the groups "
        f"validate, {manifest.test:.0%} test, the rest trains. A photograph never changes its "
        "side, and one that shows the same as another, also turned or mirrored, goes with it.",
    ]


def _limits(manifest: DatasetManifest, table: pd.DataFrame) -> list[_Part]:
    incomplete = [i for i in manifest.images if i.left_out]
    parts: list[_Part] = []
    if incomplete:
        cells = sum(i.left_out for i in incomplete)
        parts.append(
            f"{number_of(len(incomplete), 'photograph')} lack {number_of(cells, 'cell')} that "
            "nobody had reviewed: what is not labelled there may be a cell."
        )
    flagged = int((table["flags"] != "").sum())
    if flagged:
        parts.append(f"Readers flagged {number_of(flagged, 'cell')}; see the column flags.")
    away = [i for i in manifest.images if i.image is None]
    if away:
        parts.append(
            f"{number_of(len(away), 'photograph')} are not in the dataset: the manifest has their "
            "paths and checksums."
        )
    parts.append(
        "Whether cells of one person are in several groups is not known here unless the groups "
        "were named so. `napari-leukocyte dataset check` lists what else may be wrong."
    )
    return parts


def _columns(table: pd.DataFrame) -> _Table:
    columns = (column_of(str(c)) for c in table)
    rows = ((column.name, column.kind, column.description) for column in columns)
    return _Table((("column", "type", "meaning"), *rows))


def _line(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _line(text).replace("|", "\\|")


def _markdown(part: _Part) -> str:
    if isinstance(part, _Table):
        head, *rows = part.rows
        lines = [head, tuple("---" for _ in head), *rows]
        return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)
    if isinstance(part, tuple):
        return "\n".join(f"- {_line(item)}" for item in part)
    return part


def _html(part: _Part) -> str:
    if isinstance(part, _Table):
        return f"<table>\n{_html_rows(part.rows)}\n</table>"
    if isinstance(part, tuple):
        return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in part) + "</ul>"
    return f"<p>{escape(part)}</p>"


def _html_rows(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(
        "<tr>" + "".join(f"<{tag}>{escape(c)}</{tag}>" for c in row) + "</tr>"
        for tag, row in (("th" if n == 0 else "td", row) for n, row in enumerate(rows))
    )


def croissant_of(manifest: DatasetManifest, table: pd.DataFrame) -> bytes:
    """Return the metadata of a version as a file's content.

    Parameters
    ----------
    manifest : DatasetManifest
        With its files.
    table : pandas.DataFrame
        Of its objects.
    """
    values: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": title_of(manifest),
        "description": " ".join(filter(None, (manifest.description, DISCLAIMER))),
        "conformsTo": _SPECIFICATION,
        "citeAs": f"{title_of(manifest)}, version {manifest.version}, {manifest.created[:10]}.",
        "version": f"{manifest.version}.0.0",
        "datePublished": manifest.created,
        "creator": {"@type": "sc:Person", "name": _readers(table)},
        "url": "dataset.json",
        "distribution": [
            *(_file(manifest, name, kind) for name, kind in _TABLES),
            *(
                {
                    "@type": "cr:FileSet",
                    "@id": name,
                    "name": name,
                    "description": text,
                    "encodingFormat": kind,
                    "includes": f"{name}/{pattern}",
                }
                for name, kind, pattern, text in _SETS
                if any(f.startswith(f"{name}/") for f in manifest.files)
            ),
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "objects",
                "name": "objects",
                "description": "One record a cell.",
                "key": [{"@id": "objects/image"}, {"@id": "objects/label"}],
                "field": [_field(column_of(str(c))) for c in table],
            }
        ],
    }
    if manifest.licence:
        values["license"] = manifest.licence
    text = json.dumps(values, indent=1, ensure_ascii=False)
    return (text + "\n").encode("utf-8", "backslashreplace")


def _file(manifest: DatasetManifest, name: str, kind: str) -> dict[str, Any]:
    entry = manifest.files[name]
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "description": "The objects, one a row.",
        "contentUrl": name,
        "contentSize": f"{entry.bytes} B",
        "encodingFormat": kind,
        "sha256": entry.sha256,
    }


def _field(column: Column) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"objects/{column.name}",
        "name": column.name,
        "description": column.description,
        "dataType": _TYPES[column.kind],
        "source": {"fileObject": {"@id": CSV}, "extract": {"column": column.name}},
    }


def _readers(table: pd.DataFrame) -> str:
    names = sorted({r for r in table["reader"].tolist() if r})
    return ", ".join(names) or "unknown"
