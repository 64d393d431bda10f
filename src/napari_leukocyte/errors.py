"""Errors whose message is one clear sentence for the user."""

from __future__ import annotations

from napari_leukocyte.language import later


class LeukocyteError(ValueError):
    """Something the user can mend; the message says what is wrong and what to do.

    Parameters
    ----------
    sentence : str
        In English. With values, those stand in it by their names, as in
        :func:`napari_leukocyte.language.later`: ``tr(str(error))`` then is the sentence in the
        language of the window, and ``str(error)`` the one in English.
    **values : object
        What stands in it.
    """

    def __init__(self, sentence: str = "", /, **values: object) -> None:
        super().__init__(later(sentence, **values) if values else sentence)


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
