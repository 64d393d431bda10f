"""Slides in the window: the zone in which cells are counted, and fields taken from it."""
