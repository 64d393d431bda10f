"""Training of the models that napari-leukocyte ships.

A small package of scripts over the plugin's own functions. Run ``python -m training --help``.
It imports TensorFlow and therefore never shares a process with the viewer.
"""
