"""One module a source: each lists its photographs under a data root."""
