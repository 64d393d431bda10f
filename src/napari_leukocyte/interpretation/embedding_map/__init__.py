"""Map of the cells by a classifier's embedding: layout, neighbours, outliers, label suspects."""
