"""The widget *Map of the cells*."""
