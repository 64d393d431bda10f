"""What a gallery of cells shows, and in which order; without any window."""
