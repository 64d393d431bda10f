"""The leukogram with its limits, ranges and settings, wherever cells are counted."""
