"""Loaders of the public data sets: each lists photographs with their masks and classes."""
