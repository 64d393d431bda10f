"""Keras networks that can be trained further: those of the shipped models."""
