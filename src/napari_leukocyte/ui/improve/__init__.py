"""The widget that improves models from corrections."""
