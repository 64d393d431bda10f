"""The version of the installed package."""

from importlib.metadata import version

#: Version as in ``pyproject.toml``.
__version__ = version("napari-leukocyte")
