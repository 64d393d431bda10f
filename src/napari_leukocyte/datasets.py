"""Datasets of corrected annotations: export in versions, check, read, reopen.

The names listed in ``__all__`` are public: see ``docs/reference/api``.
"""

from napari_leukocyte.annotations.dataset.check import Report as Report
from napari_leukocyte.annotations.dataset.check import check as check
from napari_leukocyte.annotations.dataset.export import export as export
from napari_leukocyte.annotations.dataset.export_state import Exported as Exported
from napari_leukocyte.annotations.dataset.export_state import ExportSettings as ExportSettings
from napari_leukocyte.annotations.dataset.layout import DatasetError as DatasetError
from napari_leukocyte.annotations.dataset.opening import open_dataset as open_dataset
from napari_leukocyte.annotations.dataset.reading import Dataset as Dataset
from napari_leukocyte.annotations.dataset.reading import DatasetImage as DatasetImage
from napari_leukocyte.annotations.dataset.reopen import Reopened as Reopened
from napari_leukocyte.annotations.dataset.reopen import reopen as reopen
from napari_leukocyte.annotations.dataset.sources import fields_of_sources as fields_of_sources

__all__ = [
    "Dataset",
    "DatasetError",
    "DatasetImage",
    "ExportSettings",
    "Exported",
    "Reopened",
    "Report",
    "check",
    "export",
    "fields_of_sources",
    "open_dataset",
    "reopen",
]
