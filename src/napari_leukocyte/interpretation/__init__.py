"""Interpretation of a classifier's word on a cell: maps, attributes, similar cells, what-ifs."""
