"""The widget *Segment leukocytes*."""
