"""Corrected annotations as a dataset on disk that grows export by export."""
