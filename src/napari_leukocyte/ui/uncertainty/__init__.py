"""The widget *How sure*: sets of classes, distance to the training sets, standardised colours."""
