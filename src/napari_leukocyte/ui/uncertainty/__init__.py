"""The widget *How sure*: prediction sets of classes, and distance to the training sets."""
