"""The widget *Classify and count*."""
