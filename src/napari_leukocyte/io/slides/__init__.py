"""Slides: images too large for the memory, read part by part."""
