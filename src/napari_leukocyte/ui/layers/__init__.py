"""Layers as views of a session, and the ties between layers and sessions."""
