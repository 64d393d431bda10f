"""Files of annotations in napari's own open and save dialogs."""
