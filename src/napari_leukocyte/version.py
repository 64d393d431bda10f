"""The version of the installed package."""

from importlib.metadata import version

#: Version by the tag that was installed; after it, that of the next with the number of commits.
__version__ = version("napari-leukocyte")
