"""Annotations in the formats of the field: read, convert, write.

The names listed in ``__all__`` are public: see ``docs/reference/api``.
"""

from napari_leukocyte.annotations.formats.annotated import AnnotatedImage as AnnotatedImage
from napari_leukocyte.annotations.formats.convert import losses as losses
from napari_leukocyte.annotations.formats.convert import read as read
from napari_leukocyte.annotations.formats.convert import write as write
from napari_leukocyte.annotations.formats.recognise import FORMATS as FORMATS
from napari_leukocyte.errors import FormatError as FormatError

__all__ = ["FORMATS", "AnnotatedImage", "FormatError", "losses", "read", "write"]
