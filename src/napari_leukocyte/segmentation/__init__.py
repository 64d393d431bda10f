"""From an RGB image to probability maps, and from those to a label image."""
