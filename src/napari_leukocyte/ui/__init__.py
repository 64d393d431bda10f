"""Dock widgets, and what ties a session to napari's layers."""
