"""The settings of segmentation in napari's Preferences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.ui.keys import PLUGIN

#: Name of the group in the plugin's settings.
GROUP = "segmentation"


@dataclass(frozen=True)
class Preferences:
    """The values that the dock starts with.

    Attributes
    ----------
    model : str
        Name of a segmentation model, or ``"default"``.
    diameter : float or "auto"
        Of a leukocyte, px.
    params : PostprocessParams
        Of the post-processing.
    """

    model: str = "default"
    diameter: float | Literal["auto"] = "auto"
    params: PostprocessParams = PostprocessParams()  # noqa: RUF009 - frozen


def read_preferences() -> Preferences:
    """Read the settings; the package's own defaults stand for what is missing or unusable."""
    from napari.settings import get_plugin_settings

    try:
        group = getattr(get_plugin_settings(PLUGIN), GROUP)
    except (KeyError, AttributeError):
        # Napari knows the settings of installed plugins only.
        return Preferences()
    values = group.model_dump()
    model = str(values.pop("model", "")).strip() or "default"
    diameter = float(values.pop("diameter", 0))
    try:
        # What the settings lack has today's default: they are no record of an earlier version.
        params = PostprocessParams.from_dict({**PostprocessParams().to_dict(), **values})
    except ParameterError:
        params = PostprocessParams()
    return Preferences(model, diameter if diameter > 0 else "auto", params)
