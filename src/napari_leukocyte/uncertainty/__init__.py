"""Uncertainty of a classifier: sets of classes that hold the true one at a level the user sets."""
