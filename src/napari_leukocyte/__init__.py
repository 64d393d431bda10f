"""From a photograph of a stained blood smear to a checked differential count.

The four steps load what they need when they are first used::

    import napari_leukocyte as nl

    maps = nl.segment(image)
    labels = nl.postprocess(maps)
    table = nl.classify(image, labels)
    leukogram = nl.count(table)

For research use only. Not for use in diagnostic procedures.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
