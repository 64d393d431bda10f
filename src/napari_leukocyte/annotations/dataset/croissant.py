"""Describe a version in Croissant 1.0, which search engines of datasets and loaders read.

See https://docs.mlcommons.org/croissant/docs/croissant-spec.html.
"""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from napari_leukocyte.annotations.dataset.layout import (
    CROPS,
    CSV,
    IMAGES,
    LABELS,
    PARQUET,
    PROVENANCE,
)
from napari_leukocyte.annotations.dataset.manifest import DatasetManifest
from napari_leukocyte.annotations.dataset.objects import TEXTS, TRUTHS, WHOLE
from napari_leukocyte.annotations.dataset.wording import COLUMNS, describe_probability, title_of
from napari_leukocyte.vocabulary import DISCLAIMER

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
_TABLES = ((CSV, "text/csv"), (PARQUET, "application/vnd.apache.parquet"))
_SETS = (
    (IMAGES, "image/*", "*", "The photographs."),
    (LABELS, "image/tiff", "*.tif", "Label images: 0 is background, other values are numbers."),
    (CROPS, "image/png", "*/*/*.png", "A picture of each cell, by side of the split and class."),
    (PROVENANCE, "application/jsonl", "*.jsonl", "What happened to each cell, chained by hash."),
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
                "field": [_field(str(c)) for c in table],
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


def _field(column: str) -> dict[str, Any]:
    kind = (
        "sc:Text"
        if column in TEXTS
        else "sc:Boolean"
        if column in TRUTHS
        else "sc:Integer"
        if column in WHOLE
        else "sc:Float"
    )
    return {
        "@type": "cr:Field",
        "@id": f"objects/{column}",
        "name": column,
        "description": COLUMNS.get(column) or describe_probability(column),
        "dataType": kind,
        "source": {"fileObject": {"@id": CSV}, "extract": {"column": column}},
    }


def _readers(table: pd.DataFrame) -> str:
    names = sorted({r for r in table["reader"].tolist() if r})
    return ", ".join(names) or "unknown"
