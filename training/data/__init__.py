"""The public data sets: loaders, splits, composites, checksums and how to get them."""
