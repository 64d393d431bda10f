"""Writing results: label image, tables, overlay and the record of how they came about."""
