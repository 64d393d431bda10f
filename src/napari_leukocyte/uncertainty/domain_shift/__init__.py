"""Distribution shift: how far an image and its cells are from what a classifier was trained on."""
