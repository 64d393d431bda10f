"""A map of the cells: where they lie by what a classifier makes of them, and who lies oddly."""
