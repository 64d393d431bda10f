"""Keras and TensorFlow; only ever imported in a process of its own, never the viewer's."""
