"""Networks trained, converted and exported with Keras, in a process of its own: never the viewer's.

TensorFlow and Mesa's OpenGL driver crash in one process. Who plans a fine-tuning or follows one
(:mod:`napari_leukocyte.learning.finetune`) needs nothing of this package; ``train`` and ``convert``
are programs that are started from there and from :mod:`napari_leukocyte.models.keras_file`.
"""

import sys

from napari_leukocyte.errors import LeukocyteError

#: Bindings that a Qt application may be running with.
_BINDINGS = ("PyQt6", "PySide6", "PyQt5", "PySide2")


class ViewerProcessError(LeukocyteError):
    """Keras is wanted in a process that has windows."""


def refuse_viewer() -> None:
    """Raise ViewerProcessError if this process has windows.

    A Qt application is what tells: that napari or Qt were only imported, as pytest's plugins do,
    draws nothing and does no harm.
    """
    for binding in _BINDINGS:
        core = sys.modules.get(f"{binding}.QtCore")
        if core is not None and core.QCoreApplication.instance() is not None:
            raise ViewerProcessError(
                "Keras and TensorFlow must not be imported into a process with windows, as that of "
                "napari: run napari_leukocyte.learning.keras_process in a process of its own, as "
                "napari_leukocyte.learning.finetune.job does."
            )


refuse_viewer()
