"""Annotations in the formats of the field: read, written and converted."""
