"""What napari shows of a session, and the ties between layers and sessions."""
