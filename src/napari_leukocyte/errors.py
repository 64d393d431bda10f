"""Errors whose message is one clear sentence for the user."""

from __future__ import annotations


class LeukocyteError(ValueError):
    """Something the user can mend; the message says what is wrong and what to do."""


class ImageError(LeukocyteError):
    """An image that can't be read or used."""


class ModelError(LeukocyteError):
    """A model that is missing, damaged or of the wrong kind."""


class ParameterError(LeukocyteError):
    """A parameter outside its range."""


class OutputError(LeukocyteError):
    """A result that can't be written where it was asked for."""


class FormatError(LeukocyteError):
    """A file of annotations that is damaged, malicious or of no known format."""


class Cancelled(Exception):  # noqa: N818 - not an error: the user asked for it
    """Raised out of a computation by a progress callback that wants it to stop."""
