"""A gallery of cells without its window: rows, arrangement and thumbnails."""
