"""The state of one image under analysis, without any window."""
