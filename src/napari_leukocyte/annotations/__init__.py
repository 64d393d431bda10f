"""Annotations of cells: the formats of other tools, and datasets for training."""
