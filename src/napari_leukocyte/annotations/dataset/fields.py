"""Everything that makes fields, in one place; see :mod:`.field`."""

from __future__ import annotations

from napari_leukocyte.annotations.dataset.field import Field as Field
from napari_leukocyte.annotations.dataset.field import Fields as Fields
from napari_leukocyte.annotations.dataset.from_formats import (
    field_of_annotated as field_of_annotated,
)
from napari_leukocyte.annotations.dataset.from_formats import field_of_results as field_of_results
from napari_leukocyte.annotations.dataset.from_sessions import ExportSnapshot as ExportSnapshot
from napari_leukocyte.annotations.dataset.from_sessions import field_of_file as field_of_file
from napari_leukocyte.annotations.dataset.from_sessions import field_of_session as field_of_session
from napari_leukocyte.annotations.dataset.from_sessions import fields_of_files as fields_of_files
from napari_leukocyte.annotations.dataset.from_sessions import take_snapshot as take_snapshot
