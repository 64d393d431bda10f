"""Reading images and bringing them to 8-bit RGB."""
